from django.apps import AppConfig


class GeneratorConfig(AppConfig):
    name = "generator"

    def ready(self) -> None:
        from django.db.models.signals import post_save

        from generator import rounds, runs_simulate
        from generator.runs_experts import SIMULATE_EXPERTS
        from generator.runs_generate import GENERATE
        from generator.runs_judge import JUDGE
        from generator.runs_refl import REFL
        from workbench.models import Run
        from workbench.runs import kinds

        simulated = (runs_simulate.SIMULATE, runs_simulate.SIMULATE_VOTES, SIMULATE_EXPERTS)
        for kind in (GENERATE, JUDGE, REFL, *simulated):
            kinds.declare(kind)
        post_save.connect(rounds.run_saved, sender=Run, dispatch_uid="generator.rounds")
        post_save.connect(runs_simulate.run_saved, sender=Run, dispatch_uid="generator.runs_simulate")
