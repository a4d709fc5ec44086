from django.apps import AppConfig


class RewardModelsConfig(AppConfig):
    name = "rewardmodels"

    def ready(self) -> None:
        from rewardmodels.runs_aesthetic import AESTHETIC
        from rewardmodels.runs_reward import REWARD
        from rewardmodels.runs_score import SCORE
        from workbench.runs import kinds

        for kind in (AESTHETIC, REWARD, SCORE):
            kinds.declare(kind)
