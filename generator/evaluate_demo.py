"""A benchmark evaluation from prompts to PDF: the shipped generator against degraded versions of itself.

WorldBench's prompts; the checkpoint's clips, made by a run; copies of them degraded more and more, taken in
as clips of outside models; simulated experts, the strict ones passing over what is poor; then the report.
What is true is known: the order of the models, and how strict each expert is. So the result says whether it
was found, by the plain means and by those adjusted for severity.

What has been begun lies in `OUT.json.part`; stopped, it goes on when started again with the same arguments.
"""

import io
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from django.core.management import call_command

from annotation.clips import intake
from annotation.clips.degrade import Kind, degraded_pixels
from annotation.clips.intake import Facts
from annotation.models import Campaign, Clip, PromptSet, VideoModel
from annotation.prompts import promptsets
from arena.evaluations import lifecycle, reportfile, reports
from arena.evaluations.lifecycle import EvaluationPlan
from arena.evaluations.reports import OVERALL, Report
from arena.models import Evaluation
from generator import checkpoints
from generator.data.measures import read_clip
from generator.infer.files import write_clip
from generator.loop import SHIPPED, account
from generator.runs_generate import FPS
from generator.simulated.experts import expert_temper
from workbench import chromium
from workbench.models import Role, Run, RunState, User
from workbench.runs import control, launch
from workbench.storage import reading

BENCHMARK = "WorldBench"
CHECKPOINT = "Tiny generator"
SPREAD, PICKY, NOISE = 0.75, 0.9, 0.04
"""Points between experts, the strictest one's chance to pass over a poor clip, error of a value."""
DEGRADED: dict[str, tuple[tuple[Kind, float], ...]] = {
    "Tiny, soft": (("blur", 0.5),),
    "Tiny, coarse": (("compression", 0.6),),
    "Tiny, broken": (("compression", 0.6), ("colour_cast", 0.5), ("freeze", 0.6)),
}
"""From good to bad."""
_LOOK = 0.5


class DemoError(RuntimeError):
    """It can't begin or go on; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPlan:
    """What was asked for."""

    out: Path
    html: Path | None = None
    pdf: Path | None = None
    task: str = "t2v"
    prompts: int = 60
    experts: int = 4
    overlap: int = 1
    steps: int = 20
    seed: int = 0
    picky: float = PICKY

    @property
    def part(self) -> Path:
        return self.out.with_name(f"{self.out.name}.part")

    def arguments(self) -> dict[str, Any]:
        told = asdict(self)
        return {name: value for name, value in told.items() if name not in ("out", "html", "pdf")}


@dataclass(slots=True)
class DemoBegun:
    """What has been begun: the contents of `OUT.json.part`."""

    arguments: dict[str, Any]
    evaluation: str = ""
    runs: dict[str, str] = field(default_factory=dict)
    """Of simulated experts, by campaign."""
    seconds: dict[str, float] = field(default_factory=dict)


def begin(plan: DemoPlan) -> DemoBegun:
    """What was begun earlier, or a fresh start. Raises DemoError."""
    begun = DemoBegun(plan.arguments())
    try:
        if plan.part.exists():
            begun = DemoBegun(**json.loads(plan.part.read_text(encoding="utf-8")))
        plan.part.write_text(json.dumps(asdict(begun)), encoding="utf-8")
    except OSError as error:
        raise DemoError(f"{plan.out} can't be written: {error.strerror}.") from error
    except (ValueError, TypeError) as error:
        raise DemoError(f"{plan.part} is damaged: remove it to begin anew.") from error
    if begun.arguments != plan.arguments():
        text = "belongs to other arguments; start with those to go on, or remove it to begin anew."
        raise DemoError(f"{plan.part} {text}")
    return begun


class Demo:
    """Works through a plan against the running stack."""

    def __init__(
        self, plan: DemoPlan, begun: DemoBegun, say: Callable[[str], None], still_there: Callable[[], None]
    ) -> None:
        """`still_there` is called between looks; it may raise to give up."""
        self.plan, self.begun, self._still_there = plan, begun, still_there
        self._tell = say
        self._said = ""
        self._user = account()
        self._looked_at = time.monotonic()

    def run(self) -> dict[str, Any]:
        """To the end; gives the result, which is also written to the plan's file. Raises DemoError."""
        row = self._evaluation()
        while row.state == Evaluation.State.AWAITING:
            self._degrade(row)
            lifecycle.advance(row.pk)
            row.refresh_from_db()
            if row.problem:
                raise DemoError(row.problem)
            self._wait("clips")
        while not row.ended:
            for campaign in row.campaigns:
                self._have_scored(campaign)
            row = lifecycle.advance(row.pk)
            self._wait("scoring")
        report = reports.refresh(row)
        if report is None:
            raise DemoError("The evaluation ended before anything was judged.")
        self._print(row)
        self._wait("report")
        result = self.result(row, report)
        self.plan.out.write_text(json.dumps(result, ensure_ascii=False, indent=1), encoding="utf-8")
        self.plan.part.unlink(missing_ok=True)
        return result

    def result(self, row: Evaluation, report: Report) -> dict[str, Any]:
        """The order that is true and those that were found; severities that are true and those found."""
        overall = {one["model"]: one for one in report.means if one["dimension"] == OVERALL}
        names = [CHECKPOINT, *DEGRADED]
        slug = {name: key for key, name in report.names.items()}
        means = {name: overall[slug[name]] for name in names if slug.get(name) in overall}
        worth = {one["opponent"]: one["net"] for one in report.pairs if one["dimension"] == OVERALL}
        return {
            "evaluation": str(row.pk),
            "judgements": report.judgements,
            "prompts": len({one["prompt"] for one in report.prompts}),
            "true_order": names,
            "order_as_given": sorted(means, key=lambda name: -means[name]["mean"]),
            "order_adjusted": sorted(means, key=lambda name: -(means[name]["adjusted"] or 0)),
            "means": {
                name: {
                    key: one[key]
                    for key in ("mean", "low", "high", "adjusted", "adjusted_low", "adjusted_high")
                }
                for name, one in means.items()
            },
            "scores_by_model": {name: one["scores"] for name, one in means.items()},
            "net": {name: worth[slug[name]] for name in DEGRADED if slug.get(name) in worth},
            "experts": self._experts(report),
            "comparisons": [one for one in report.comparisons if one["dimension"] == OVERALL],
            "seconds": {name: round(value, 1) for name, value in self.begun.seconds.items()},
            "arguments": self.plan.arguments(),
        }

    # --- In detail ----------------------------------------------------------------------------------------

    def _evaluation(self) -> Evaluation:
        if self.begun.evaluation:
            found = Evaluation.objects.filter(pk=self.begun.evaluation).first()
            if found is not None:
                return found
        self._say("WorldBench comes in, and the shipped checkpoint.")
        call_command("import_benchmark", "worldbench", stdout=io.StringIO())
        try:
            base = checkpoints.register(SHIPPED, CHECKPOINT).video_model
        except (checkpoints.NotACheckpointError, OSError) as error:
            raise DemoError(f"{SHIPPED} can't be used: {error}") from error
        models = (base, *(intake.video_model_named(name) for name in DEGRADED))
        plan = EvaluationPlan(
            name=f"{BENCHMARK}: {CHECKPOINT} and its degraded copies",
            prompt_set=self._prompts(),
            task=self.plan.task,
            video_models=models,
            likert=True,
            gsb=True,
            under_test=base,
            overlap=self.plan.overlap,
            steps=self.plan.steps,
        )
        made = lifecycle.create(self._user, plan)
        self.begun.evaluation = str(made.pk)
        self._save()
        return made

    def _prompts(self) -> PromptSet:
        """The benchmark, or as many of its prompts as are wanted, spread over it, as a set of its own."""
        whole = promptsets.named(BENCHMARK)
        of_task = list(whole.prompts.filter(task=self.plan.task).order_by("pk"))
        if self.plan.prompts >= len(of_task):
            return whole
        part = promptsets.named(f"{BENCHMARK}, {self.plan.prompts} of {self.plan.task}")
        step = len(of_task) / self.plan.prompts
        part.prompts.set(of_task[int(place * step)] for place in range(self.plan.prompts))
        return part

    def _degrade(self, row: Evaluation) -> None:
        """Copies of the clips that are there, for every degraded model that has none yet."""
        base = row.under_test
        assert base is not None
        own = Clip.objects.filter(
            video_model=base, state=Clip.State.READY, prompt__prompt_sets=row.prompt_set
        )
        for name, steps in DEGRADED.items():
            model = VideoModel.objects.get(name=name)
            there = set(Clip.objects.filter(video_model=model).values_list("prompt_id", "seed"))
            for clip in own.filter(prompt__task=row.task, seed__in=row.seeds):
                if (clip.prompt_id, clip.seed) not in there:
                    self._say(f"“{name}” gets its clips.")
                    self._take_copy(clip, model, steps)
                    self._still_there()

    def _take_copy(self, clip: Clip, model: VideoModel, steps: tuple[tuple[Kind, float], ...]) -> None:
        with reading(clip.original.storage, clip.original.name or "") as (file, _size):
            video = read_clip(io.BytesIO(file.read()))
        for kind, strength in steps:
            video = degraded_pixels(video, kind, strength, seed=int(clip.prompt_id or 0))
        recipe = {"degraded": [list(step) for step in steps], "of": str(clip.pk)}
        facts = Facts(prompt=clip.prompt, video_model=model, seed=clip.seed, source="degraded", recipe=recipe)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "clip.mp4"
            write_clip(video, path, FPS, f"{model.slug} {clip.pk}")
            with path.open("rb") as file:
                intake.ingest(file, path.name, facts, uploaded_by=self._user)

    def _have_scored(self, campaign: Campaign) -> None:
        """Simulated experts at work in an open campaign; sent again for what was held by others."""
        campaign.refresh_from_db()
        progress = campaign.progress
        self._say(f"{campaign.name}: {progress.judged} of {progress.wanted} judgements")
        if campaign.state != Campaign.State.OPEN or not progress.left:
            return
        known = self.begun.runs.get(str(campaign.pk))
        run = Run.objects.filter(pk=known).first() if known else None
        if run is not None and run.state in (RunState.FAILED, RunState.CANCELLED):
            if run.attempt > 1:
                raise DemoError(f"The simulated experts gave up: {run.error or run.state}")
            control.resume(self._user, run.pk)
        elif run is None or run.ended:
            config = {
                "campaign": str(campaign.pk),
                "experts": self.plan.experts,
                "seed": self.plan.seed,
                "noise": NOISE,
                "spread": SPREAD,
                "picky": self.plan.picky if campaign.protocol == Campaign.Protocol.LIKERT else 0.0,
            }
            run = launch.launch(
                self._user, "simulate_experts", config, name=f"Experts: {campaign.name}"[:120]
            )
            self.begun.runs[str(campaign.pk)] = str(run.pk)
            self._save()

    def _experts(self, report: Report) -> list[dict[str, Any]]:
        """By number: how strict they are, less the mean, and how strict they were found to be."""
        found = {one["rater"]: one for one in report.raters}
        people = User.objects.filter(simulated=True, role=Role.EXPERT).order_by("username")
        told = []
        for number, person in enumerate(people[: self.plan.experts], start=1):
            true = expert_temper(
                self.plan.seed, number, self.plan.experts, spread=SPREAD, noise=NOISE, picky=self.plan.picky
            )
            one = found.get(person.pseudonym, {})
            told.append(
                {
                    "expert": person.username,
                    "true_severity": true.severity - SPREAD,
                    "found_severity": one.get("severity"),
                    "mean": one.get("mean"),
                    "scores": one.get("scores"),
                }
            )
        return told

    def _print(self, row: Evaluation) -> None:
        if self.plan.html is not None:
            self.plan.html.write_text(reportfile.html(row), encoding="utf-8")
        if self.plan.pdf is not None:
            try:
                self.plan.pdf.write_bytes(reportfile.pdf(row))
            except chromium.NotPrintedError as error:
                raise DemoError(str(error)) from error

    def _say(self, text: str) -> None:
        if text != self._said:
            self._said = text
            self._tell(text)

    def _wait(self, phase: str, seconds: float = _LOOK) -> None:
        time.sleep(seconds)
        self._still_there()
        now = time.monotonic()
        self.begun.seconds[phase] = self.begun.seconds.get(phase, 0.0) + now - self._looked_at
        self._looked_at = now
        self._save()

    def _save(self) -> None:
        self.plan.part.write_text(json.dumps(asdict(self.begun)), encoding="utf-8")
