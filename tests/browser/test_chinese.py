"""The pages in Chinese, in a real browser: no English text is left, and nothing is wider than the window."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from annotation.campaigns import lifecycle
from annotation.campaigns.dimensions import default_dimensions
from annotation.campaigns.lifecycle import CampaignSpec
from annotation.campaigns.planning import Selection
from annotation.clips import intake
from annotation.models import Campaign, PromptSet
from annotation.prompts.identity import find_or_create
from generator.models import Checkpoint
from rewardmodels.models import RewardModel
from tests.browser.conftest import Site
from tests.generator.test_rounds import begun, through
from tests.runs.videos import make_clips
from workbench.models import Artifact, Metric, Run, RunEvent, RunState, User

pytestmark = pytest.mark.browser

# Everything on the page that is read, aloud or with the eyes; code and keys' names are the same everywhere.
TEXTS = """() => {
  const said = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { data, parentElement: place } = walker.currentNode;
    if (!place.closest("script, style, code, pre, kbd, textarea, [lang=en]")) said.push(data.trim());
  }
  for (const place of document.querySelectorAll("[title], [aria-label], [placeholder], [data-title]"))
    for (const name of ["title", "aria-label", "placeholder", "data-title"])
      if (place.hasAttribute(name)) said.push(place.getAttribute(name).trim());
  return said.filter((text) => text !== "");
}"""
SAME_IN_CHINESE = r"API|SHA-256|CSV|JSON Lines|JSON|Parquet|ECE|English|KB|h264|\b[spAB]\b"
OUR_DATA = r"mei(@example.org)?|A boy runs|A cat sleeps|clip-\d.mp4|(train/)?loss|step-10|\w+(,\w+)+"
OUR_DATA += r"|a red circle moves left(, scene \d of scenes)?|[Bb]ase(-[0-9a-f]{8})?|[Ss]cenes"
OUR_DATA += r"|micro|tiny|preset|reward\.safetensors"


@pytest.fixture
def mei(transactional_db: None) -> User:
    return User.objects.create_user("mei", "mei@example.org", role="manager", language="zh-hans")


@pytest.fixture
def campaign(mei: User, media_folder: Path, tmp_path: Path) -> Campaign:
    for number, path in enumerate(sorted(make_clips(tmp_path / "clips", 8).iterdir())):
        with path.open("rb") as file:
            clip = intake.ingest(file, path.name, uploaded_by=mei, render_now=True).clip
        clip.prompt = find_or_create(*[("A boy runs", "男孩在跑"), ("A cat sleeps", "猫在睡觉")][number // 4])
        clip.video_model = intake.video_model_named(f"模型 {number % 4}")
        clip.save()
    spec = CampaignSpec(name="第一批标注", dimensions=default_dimensions(), selection=Selection())
    made = lifecycle.create(spec, mei)
    return lifecycle.set_state(made.pk, Campaign.State.OPEN, made.version)


@pytest.fixture
def run(mei: User) -> Run:
    run = Run.objects.create(
        kind="aesthetic",
        name="第一课",
        config={"steps": 20},
        created_by=mei,
        state=RunState.FAILED,
        attempt=2,
        step=10,
    )
    Metric.objects.bulk_create(
        Metric(run=run, step=step, name="train/loss", value=1 / step) for step in range(1, 11)
    )
    RunEvent.objects.create(run=run, attempt=1, kind="state", text="running")
    RunEvent.objects.create(run=run, attempt=1, kind="checkpoint", data={"step": 10})
    data = b"a checkpoint"
    Artifact.objects.create(
        run=run,
        attempt=1,
        kind=Artifact.Kind.CHECKPOINT,
        name="step-10",
        step=10,
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )
    return run


def english(page: Page) -> list[str]:
    """What is left of the page's texts without Chinese ones, data, and words that are the same in Chinese."""
    texts: set[str] = set(page.evaluate(TEXTS))
    same = re.compile(f"{OUR_DATA}|{SAME_IN_CHINESE}|[0-9a-f]{{64}}")
    left = {same.sub("", text) for text in texts if not re.search(r"[\u4e00-\u9fff]", text)}
    return sorted(text for text in left if re.search("[A-Za-z]", text))


def test_no_page_is_half_english(
    page: Page,
    site: Site,
    campaign: Campaign,
    run: Run,
    log_in: Callable[[str], User],
    look: Callable[[Page, str], None],
) -> None:
    left: dict[str, list[str]] = {}

    def visit(name: str, address: str) -> None:
        page.goto(address)
        expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
        if name == "label":
            expect(page.locator("#work")).to_be_visible()
        if name == "run":
            expect(page.locator(".curve .modebar")).to_be_attached()
        look(page, f"zh-{name}")
        left[name] = english(page)

    page.goto("/login/")
    page.get_by_role("button", name="中文").click()
    visit("login", "/login/")
    visit("forgotten", "/password/forgotten/")
    log_in("mei")
    clip = campaign.items.first().clips.first()  # type: ignore[union-attr]
    assert clip is not None
    for name, address in {
        "home": "/",
        "label-home": "/label/",
        "label": f"/label/{campaign.pk}/",
        "campaigns": "/campaigns/",
        "campaign": f"/campaigns/{campaign.pk}/",
        "campaign-new": "/campaigns/new/",
        "clips": "/clips/",
        "clip": f"/clips/{clip.pk}/",
        "upload": "/clips/upload/",
        "manifest": "/clips/manifest/",
        "runs": "/runs/",
        "run-new": "/runs/new/",
        "run": f"/runs/{run.pk}/",
        "people": "/people/",
        "invite": "/people/invite/",
        "import": "/people/import/",
        "audit": "/audit/",
        "account": "/account/",
        "notices": "/notices/",
    }.items():
        visit(name, address)
    assert {name: texts for name, texts in left.items() if texts} == {}


def test_no_page_of_the_loop_is_half_english(
    page: Page,
    site: Site,
    mei: User,
    log_in: Callable[[str], User],
    look: Callable[[Page, str], None],
    expected_errors: list[str],
) -> None:
    expected_errors.append("404")  # the rows of clips have no files behind them
    ended, waiting = through(begun(mei), mei), begun(mei)
    known = Checkpoint.objects.earliest("created_at")
    reward_model = RewardModel.objects.earliest("created_at")
    prompt_set = PromptSet.objects.earliest("pk")
    left: dict[str, list[str]] = {}
    log_in("mei")
    for name, address in {
        "prompts": "/prompts/",
        "prompt-import": "/prompts/import/",
        "prompt-set": f"/prompts/sets/{prompt_set.slug}/",
        "prompt-choice": f"/prompts/sets/{prompt_set.slug}/choice/",
        "rounds": "/rounds/",
        "round-ended": f"/rounds/{ended.pk}/",
        "round-waiting": f"/rounds/{waiting.pk}/",
        "generate": "/generate/",
        "checkpoints": "/checkpoints/",
        "checkpoint": f"/checkpoints/{known.pk}/",
        "reward-models": "/reward-models/",
        "reward-model": f"/reward-models/{reward_model.pk}/",
        "arena": "/arena/",
        "arena-vote": "/arena/t2v/",
        "board": "/arena/t2v/leaderboard/",
    }.items():
        page.goto(address)
        expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
        look(page, f"zh-{name}")
        left[name] = english(page)
    assert {name: texts for name, texts in left.items() if texts} == {}


def test_labelling_speaks_chinese(
    page: Page, campaign: Campaign, log_in: Callable[[str], User], look: Callable[[Page, str], None]
) -> None:
    log_in("mei")
    page.goto(f"/label/{campaign.pk}/")
    expect(page.locator(".dimension.active .name")).to_have_text("提示遵循")
    for keys in ("1", "Shift+Digit2", "2", "Shift+Digit1", "t", "t"):
        page.keyboard.press(keys)
    expect(page.locator("#feedback")).to_contain_text("提示遵循")
    look(page, "zh-label-contradiction")
    assert english(page) == []
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="如何判断")).to_be_visible()
    assert english(page) == []
