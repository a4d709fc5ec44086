from django.apps import AppConfig


class RewardModelsConfig(AppConfig):
    name = "rewardmodels"

    def ready(self) -> None:
        from rewardmodels.runs import AESTHETIC
        from workbench.runs import kinds

        kinds.declare(AESTHETIC)
