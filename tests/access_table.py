"""Who gets what at every address: the table that `test_access.py` tries, row by row.

A row is one line:

    Row("GET", "clip", world_method, owner=200, colleague=200, outsider=403, role="engineer")

- the method, and the URL's name ("runs:list" in a namespace); for an operation of the API its path as the
  schema writes it ("/api/runs/{run_id}"); for a websocket "WS" and its route ("ws/runs/<uuid:run_id>/");
- a function of `World` that makes what the address needs and returns its arguments by name, or `none`;
- the status for the owner of that thing; for a colleague, who has the same `role` but does not own it; for
  an outsider, who is logged in with `outsider_role`; and for somebody not logged in (`anonymous`: by default
  sent to the login page, 401 in the API). A websocket's answer is True (stays open) or False (closed).
- `data`: what is sent, as a form or, to the API, as JSON; a function of World if it must be made.

Every address of the application needs a row for each of its methods that does something.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.tokens import default_token_generator
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from annotation.campaigns import examples
from annotation.campaigns.dimensions import default_dimensions
from annotation.models import (
    AnnotatorGroup,
    Assignment,
    Campaign,
    Clip,
    PromptCandidate,
    Task,
    VideoModel,
    Webhook,
    WebhookDelivery,
)
from annotation.prompts import collecting, sharing
from annotation.results import pairversions
from arena.battles import tracks, voting
from arena.evaluations import reports
from arena.models import Battle, Voter
from tests.annotation import rows as labelling
from tests.arena import evaluations_made
from tests.generator import rounds_made
from tests.rewardmodels import labelled
from workbench.models import ApiToken, Artifact, Run, RunState, User
from workbench.people import invitations

LOGIN = "login"  # sent to the login page
Arguments = Callable[["World"], dict[str, Any]]


@dataclass
class World:
    """The people of a row, and what they own; made only where a row asks for it."""

    owner: User
    colleague: User
    outsider: User
    made: dict[str, Any] = field(default_factory=dict)

    def token(self) -> dict[str, Any]:
        return {"pk": ApiToken.mint(self.owner, "laptop")[0].pk}

    def api_token(self) -> dict[str, Any]:
        return {"token_id": self.token()["pk"]}

    def person(self) -> dict[str, Any]:
        return {"pk": User.objects.create_user("somebody", "somebody@example.org").pk}

    def invitation(self) -> dict[str, Any]:
        return {"pk": self._invited().invitation.pk}

    def invitation_link(self) -> dict[str, Any]:
        return {"secret": self._invited().link.rstrip("/").rsplit("/", 1)[-1]}

    def reset_link(self) -> dict[str, Any]:
        uid = urlsafe_base64_encode(force_bytes(self.owner.pk))
        return {"uidb64": uid, "token": default_token_generator.make_token(self.owner)}

    def run(self) -> dict[str, Any]:
        return {"run_id": self._run(RunState.QUEUED).pk}

    def ended_run(self) -> dict[str, Any]:
        return {"run_id": self._run(RunState.FAILED).pk}

    def artifact(self) -> dict[str, Any]:
        run = self._run(RunState.SUCCEEDED)
        row = Artifact.objects.create(run=run, attempt=1, kind="file", name="a.txt", sha256="ab" * 32, size=1)
        default_storage.save(row.storage_name, ContentFile(b"a"))
        return {"run_id": run.pk, "artifact_id": row.pk}

    def clip(self) -> dict[str, Any]:
        clip = Clip.objects.first() or labelling.clips(1, 1)[0]
        clip.poster.name = default_storage.save("posters/a.jpg", ContentFile(b"a"))
        default_storage.save(clip.original.name or "", ContentFile(b"a"))
        clip.save()
        default_storage.save(clip.renditions.get().file.name or "", ContentFile(b"a"))
        return {"clip_id": clip.pk}

    def prompt_set(self) -> dict[str, Any]:
        collecting.collect("text\nDog\nA cat sleeps", "Animals")
        return {"slug": "animals"}

    def candidate(self) -> dict[str, Any]:
        self.prompt_set()
        return {"candidate_id": PromptCandidate.objects.get(reason="too_short").pk}

    def group(self) -> dict[str, Any]:
        return {"pk": AnnotatorGroup.objects.create(name="Day shift").pk}

    def api_group(self) -> dict[str, Any]:
        return {"group_id": self.group()["pk"]}

    def campaign(self) -> dict[str, Any]:
        return {"campaign_id": self._campaign().pk}

    def likert(self) -> dict[str, Any]:
        made = labelling.campaign(
            self.owner,
            protocol=Campaign.Protocol.LIKERT,
            dimensions=default_dimensions(Task.T2V, Campaign.Protocol.LIKERT),
        )
        return {"campaign_id": made.pk}

    def pair_version(self) -> dict[str, Any]:
        version = pairversions.keep(self._campaign(), self.owner, "v", [], False)
        return {"version_id": version.pk}

    def receipt(self) -> dict[str, Any]:
        [consent] = sharing.share(["A cat sleeps on a chair"], "arena", None)
        return {"receipt": consent.pk}

    def webhook(self) -> dict[str, Any]:
        made = Webhook.objects.create(
            url="https://example.org/hook", secret="s", events=["judgement.created"], created_by=self.owner
        )
        return {"webhook_id": made.pk}

    def delivery(self) -> dict[str, Any]:
        made = WebhookDelivery.objects.create(
            webhook_id=self.webhook()["webhook_id"], event="ping", event_id=uuid.uuid4(), payload={}
        )
        return {"delivery_id": made.pk}

    def judged(self) -> dict[str, Any]:
        person = User.objects.create_user("judge", "judge@example.org")
        labelling.judge(self._campaign(), person)
        return {"campaign_id": self._campaign().pk, "pseudonym": person.pseudonym}

    def disputed(self) -> dict[str, Any]:
        manager = User.objects.create_user("other", "other@example.org", role="manager")
        campaign = labelling.campaign(manager, items=1, overlap=2)
        for name in ("judge", "second"):
            labelling.judge(campaign, User.objects.create_user(name, f"{name}@example.org"))
        return {"item_id": campaign.items.get().pk}

    def gold(self) -> dict[str, Any]:
        item = self._campaign().items.first()
        assert item is not None
        made = self._campaign().gold_answers.create(item=item, answers={})
        return {"campaign_id": self._campaign().pk, "item_id": made.pk}

    def item_clip(self) -> dict[str, Any]:
        """A clip of an item that the owner has in work."""
        shown = self._assignment().item.item_clips.first()
        assert shown is not None
        default_storage.save(shown.clip.renditions.get().file.name or "", ContentFile(b"a"))
        return {"item_clip_id": shown.pk}

    def first_frame(self) -> dict[str, Any]:
        """The owner's item starts from a picture."""
        assignment = self._assignment()
        prompt = assignment.item.prompt
        prompt.task, prompt.first_frame.name = "i2v", "first_frames/a.png"
        default_storage.save(prompt.first_frame.name, ContentFile(b"a"))
        prompt.save()
        return {"assignment_id": assignment.pk}

    def prompt_with_picture(self) -> dict[str, Any]:
        self.first_frame()
        return {"prompt_id": self._assignment().item.prompt_id}

    def assignment(self) -> dict[str, Any]:
        return {"assignment_id": self._assignment().pk}

    def example(self) -> dict[str, Any]:
        """An example clip beside the guidelines of the owner's campaign."""
        campaign = self._campaign()
        made = examples.add(campaign, Clip.objects.all()[0].pk, kind="good")
        default_storage.save(made.clip.renditions.get().file.name or "", ContentFile(b"a"))
        return {"campaign_id": campaign.pk, "example_id": made.pk}

    def example_address(self) -> dict[str, Any]:
        return {"example_id": self.example()["example_id"]}

    def clip_to_flag(self) -> dict[str, Any]:
        return {"clip": self._assignment().clip_order[0], "reason": "It does not play"}

    def in_campaign(self) -> dict[str, Any]:
        return {"campaign": str(self._campaign().pk)}

    def submission(self) -> dict[str, Any]:
        return {**self.answers(), "idempotency_key": str(uuid.uuid4())}

    def answers(self) -> dict[str, Any]:
        return {"answers": labelling.picks(self._assignment())}

    def track(self) -> dict[str, Any]:
        return {"track": tracks.standard(Task.T2V).slug}

    def model(self) -> dict[str, Any]:
        made, _new = VideoModel.objects.get_or_create(slug="falcon", defaults={"name": "Falcon"})
        return {"model": made.slug}

    def track_model(self) -> dict[str, Any]:
        return self.track() | self.model()

    def battle_over(self) -> dict[str, Any]:
        Battle.objects.filter(pk=self._battle().pk).update(state="voted")
        return self.battle_address()

    def battle(self) -> dict[str, Any]:
        return {"battle_id": self._battle().pk}

    def battle_address(self) -> dict[str, Any]:
        battle = self._battle()
        rendition = battle.left.renditions.get()
        default_storage.save(rendition.file.name or "", ContentFile(b"a"))
        return {"address": battle.left_address}

    def battle_picture(self) -> dict[str, Any]:
        """The owner's battle is over clips that start from a picture."""
        prompt = self._battle().prompt
        prompt.task, prompt.first_frame.name = "i2v", "first_frames/a.png"
        default_storage.save(prompt.first_frame.name, ContentFile(b"a"))
        prompt.save()
        return self.battle()

    def evaluation(self) -> dict[str, Any]:
        """The owner's, that experts score now."""
        return {"evaluation_id": evaluations_made.evaluation(self.owner).pk}

    def reported_evaluation(self) -> dict[str, Any]:
        made = evaluations_made.evaluation(self.owner)
        assert made.likert_campaign is not None
        evaluations_made.score_all(made.likert_campaign, evaluations_made.expert("eve"), lambda *_: 4, most=3)
        reports.refresh(made)
        return {"evaluation_id": made.pk}

    def evaluation_figure(self) -> dict[str, Any]:
        return {**self.reported_evaluation(), "key": "scores"}

    def _battle(self) -> Battle:
        if "battle" not in self.made:
            if not Clip.objects.exists():
                labelling.clips(1, 2)
            voter = Voter.objects.create(user=self.owner)
            self.made["battle"] = voting.next_battle(voter, tracks.standard(Task.T2V))
        battle: Battle = self.made["battle"]
        return battle

    def reward_model(self) -> dict[str, Any]:
        return {"reward_model_id": labelled.reward_model(self.owner).pk}

    def checkpoint(self) -> dict[str, Any]:
        return {"checkpoint_id": rounds_made.checkpoint().pk}

    def generated(self) -> dict[str, Any]:
        return {"run_id": rounds_made.generated(self.owner).pk}

    def round(self) -> dict[str, Any]:
        return {"round_id": rounds_made.round_of(self.owner).pk}

    def failed_round(self) -> dict[str, Any]:
        return {"round_id": rounds_made.round_of(self.owner, state="failed").pk}

    def _invited(self) -> invitations.Invited:
        return invitations.invite(email="new@example.org", role="expert", language="en", by=self.owner)

    def _run(self, state: str) -> Run:
        config = {"steps": 10}
        return Run.objects.create(kind="aesthetic", config=config, state=state, created_by=self.owner)

    def _campaign(self) -> Campaign:
        if "campaign" not in self.made:
            self.made["campaign"] = labelling.campaign(self.owner)
        campaign: Campaign = self.made["campaign"]
        return campaign

    def _assignment(self) -> Assignment:
        if "assignment" not in self.made:
            self.made["assignment"] = labelling.taken(self._campaign(), self.owner)
        assignment: Assignment = self.made["assignment"]
        return assignment


def none(world: World) -> dict[str, Any]:
    return {}


@dataclass(frozen=True, kw_only=True)
class _Row:
    method: str
    name: str
    arguments: Arguments
    owner: Any = 200
    colleague: Any = 200
    outsider: Any = 403
    anonymous: Any = None
    role: str = "manager"
    outsider_role: str = "annotator"
    data: dict[str, Any] | Arguments = field(default_factory=dict)


def Row(method: str, name: str, arguments: Arguments = none, **rest: Any) -> _Row:  # noqa: N802 (reads as the table's word)
    return _Row(method=method, name=name, arguments=arguments, **rest)


EVERYBODY: dict[str, Any] = {"owner": 200, "colleague": 200, "outsider": 200}
ANYBODY: dict[str, Any] = {**EVERYBODY, "anonymous": 200}
OWN: dict[str, Any] = {
    "role": "annotator",
    "outsider_role": "manager",
}  # what is one's own is no manager's either
ENGINEER: dict[str, Any] = {"role": "engineer"}
LABELLER: dict[str, Any] = {"role": "annotator", "outsider_role": "annotator"}

ROWS = [
    # Coming and going
    Row("GET", "home", **EVERYBODY),
    Row("GET", "healthz", **ANYBODY),
    Row("GET", "api_docs", **ANYBODY),
    Row("GET", "api:openapi-json", **ANYBODY),
    Row("GET", "api:api-root", owner=404, colleague=404, outsider=404, anonymous=404),
    Row("GET", "login", owner=302, colleague=302, outsider=302, anonymous=200),
    Row("POST", "logout", owner=LOGIN, colleague=LOGIN, outsider=LOGIN),
    Row(
        "POST", "set_language", owner=302, colleague=302, outsider=302, anonymous=302, data={"language": "en"}
    ),
    Row("GET", "password_reset", **ANYBODY),
    Row("GET", "password_reset_done", **ANYBODY),
    Row(
        "GET",
        "password_reset_confirm",
        World.reset_link,
        owner=200,  # the page that says it no longer works: logging in has used it up
        colleague=302,
        outsider=302,
        anonymous=302,
    ),
    Row("GET", "password_reset_complete", **ANYBODY),
    Row("GET", "invitation_accept", World.invitation_link, **ANYBODY),
    # One's own
    Row("GET", "account", **EVERYBODY),
    Row("POST", "token_create", **EVERYBODY, data={"name": "x", "days": "30"}),
    Row("POST", "token_revoke", World.token, owner=302, colleague=404, outsider=404, **OWN),
    Row("GET", "password_change", **EVERYBODY),
    Row("GET", "password_change_done", **EVERYBODY),
    Row("GET", "notices", **EVERYBODY),
    Row("POST", "notices_read", owner=302, colleague=302, outsider=302),
    # People
    Row("GET", "people"),
    Row("GET", "invite"),
    Row("POST", "invite", data={"email": "x@example.org", "role": "expert", "language": "en"}),
    Row("GET", "people_import"),
    Row("POST", "people_import", data={"text": "username,email\nx,x@example.org\n", "create": ""}),
    Row("POST", "invitation_renew", World.invitation),
    Row("POST", "invitation_withdraw", World.invitation, owner=302, colleague=302),
    Row("POST", "person_role", World.person, owner=302, colleague=302, data={"role": "expert"}),
    Row("POST", "person_deactivate", World.person, owner=302, colleague=302),
    Row("GET", "person_erase", World.person),
    Row("POST", "person_reactivate", World.person, owner=302, colleague=302),
    Row("GET", "audit", outsider_role="engineer"),
    Row("GET", "/api/me", **EVERYBODY),
    Row("GET", "/api/tokens", **EVERYBODY),
    Row("POST", "/api/tokens", owner=201, colleague=201, outsider=201, data={"name": "x"}),
    Row("DELETE", "/api/tokens/{token_id}", World.api_token, owner=204, colleague=404, outsider=404, **OWN),
    # Runs
    Row("GET", "runs:list", **ENGINEER),
    Row("GET", "runs:new", **ENGINEER),
    Row("GET", "runs:run", World.run, **ENGINEER),
    Row("GET", "runs:status", World.run, **ENGINEER),
    Row("GET", "runs:files", World.run, **ENGINEER),
    Row("GET", "runs:log", World.run, **ENGINEER),
    Row("POST", "runs:cancel", World.run, owner=302, colleague=403, **ENGINEER),
    Row("POST", "runs:resume", World.ended_run, owner=302, colleague=403, **ENGINEER),
    Row("POST", "runs:clone", World.ended_run, owner=302, colleague=302, **ENGINEER),
    Row("GET", "/api/runs/kinds", **ENGINEER),
    Row("GET", "/api/runs", **ENGINEER),
    Row("POST", "/api/runs", owner=422, colleague=422, data={"kind": "no such kind"}, **ENGINEER),
    Row("GET", "/api/runs/{run_id}", World.run, **ENGINEER),
    Row("GET", "/api/runs/{run_id}/metrics", World.run, **ENGINEER),
    Row("GET", "/api/runs/{run_id}/events", World.run, **ENGINEER),
    Row("GET", "/api/runs/{run_id}/artifacts", World.run, **ENGINEER),
    Row("GET", "/api/runs/{run_id}/artifacts/{artifact_id}", World.artifact, **ENGINEER),
    Row("POST", "/api/runs/{run_id}/cancel", World.run, colleague=403, **ENGINEER),
    Row("POST", "/api/runs/{run_id}/resume", World.ended_run, colleague=403, **ENGINEER),
    # 409: allowed, but its config names no clips
    Row("POST", "/api/runs/{run_id}/clone", World.ended_run, owner=409, colleague=409, **ENGINEER),
    Row(
        "WS",
        "ws/runs/<uuid:run_id>/",
        World.run,
        owner=True,
        colleague=True,
        outsider=False,
        anonymous=False,
        **ENGINEER,
    ),
    # Reward models
    Row("GET", "reward_models", **ENGINEER),
    Row("GET", "reward_model", World.reward_model, **ENGINEER),
    Row("GET", "/api/reward-models", **ENGINEER),
    Row("GET", "/api/reward-models/accuracies.csv", **ENGINEER),
    Row("GET", "/api/reward-models/{reward_model_id}", World.reward_model, **ENGINEER),
    Row("GET", "/api/scores", **ENGINEER),
    Row("GET", "/api/scores/export.csv", **ENGINEER),
    Row("GET", "/api/scores/export.jsonl", **ENGINEER),
    # Rounds, the playground, checkpoints
    Row("GET", "generator:rounds", **ENGINEER),
    Row("POST", "generator:rounds", owner=422, colleague=422, **ENGINEER),
    Row("GET", "generator:round", World.round, **ENGINEER),
    Row("GET", "generator:round_steps", World.round, **ENGINEER),
    Row("GET", "generator:round_outcome", World.round, **ENGINEER),
    Row("POST", "generator:round_retry", World.failed_round, owner=302, colleague=403, **ENGINEER),
    Row("POST", "generator:round_cancel", World.round, owner=302, colleague=403, **ENGINEER),
    Row("POST", "generator:round_simulate", World.round, owner=302, colleague=403, **ENGINEER),
    Row("GET", "generator:generate", **ENGINEER),
    Row("POST", "generator:generate", owner=422, colleague=422, **ENGINEER),
    Row("GET", "generator:generated", World.generated, **ENGINEER),
    Row("GET", "generator:generated_clips", World.generated, **ENGINEER),
    Row("GET", "generator:checkpoints", **ENGINEER),
    Row("GET", "generator:checkpoint", World.checkpoint, **ENGINEER),
    Row("GET", "/api/rounds", **ENGINEER),
    Row("POST", "/api/rounds", owner=422, colleague=422, outsider=422, data={}, **ENGINEER),
    Row("GET", "/api/rounds/{round_id}", World.round, **ENGINEER),
    Row("POST", "/api/rounds/{round_id}/retry", World.failed_round, colleague=403, **ENGINEER),
    Row("POST", "/api/rounds/{round_id}/cancel", World.round, colleague=403, **ENGINEER),
    # 409: allowed, but it does not wait for judgements yet
    Row("POST", "/api/rounds/{round_id}/simulate", World.round, owner=409, colleague=403, **ENGINEER),
    Row("POST", "/api/generate", owner=422, colleague=422, outsider=422, data={}, **ENGINEER),
    Row("GET", "/api/generate/{run_id}", World.generated, **ENGINEER),
    Row("GET", "/api/checkpoints", **ENGINEER),
    Row("GET", "/api/checkpoints/{checkpoint_id}", World.checkpoint, **ENGINEER),
    # Clips
    Row("GET", "clips", **ENGINEER),
    Row("GET", "clip_upload", **ENGINEER),
    Row("GET", "clip_manifest", **ENGINEER),
    Row("GET", "clip", World.clip, **ENGINEER),
    Row("GET", "clip_poster", World.clip, **ENGINEER),
    Row("GET", "clip_video", World.clip, **ENGINEER),
    Row("GET", "clip_original", World.clip, **ENGINEER),
    Row("GET", "prompt_first_frame", World.prompt_with_picture, **ENGINEER),
    Row("GET", "/api/clips", **ENGINEER),
    Row("POST", "/api/clips", owner=422, colleague=422, outsider=422, **ENGINEER),
    Row("GET", "/api/clips/{clip_id}", World.clip, **ENGINEER),
    # Prompts
    Row("GET", "prompt_sets"),
    Row("GET", "prompt_import", outsider_role="engineer"),
    Row(
        "POST",
        "prompt_import",
        outsider_role="engineer",
        data={"text": "text\nA cat sleeps", "prompt_set": "x"},
    ),
    Row("GET", "prompt_set", World.prompt_set),
    Row("GET", "prompt_choice", World.prompt_set, outsider_role="engineer"),
    Row("POST", "prompt_decide", World.candidate, owner=302, colleague=302, outsider_role="engineer"),
    Row(
        "POST",
        "/api/prompts/import",
        outsider_role="engineer",
        data={"content": "text\nA cat sleeps", "prompt_set": "x"},
    ),
    Row("GET", "/api/prompts/sets"),
    Row("GET", "/api/prompts/sets/{slug}/candidates", World.prompt_set),
    Row("POST", "/api/prompts/sets/{slug}/choose", World.prompt_set, outsider_role="engineer", data={"n": 1}),
    Row(
        "POST",
        "/api/prompts/candidates/{candidate_id}",
        World.candidate,
        outsider_role="engineer",
        data={"kept": True},
    ),
    # Campaigns
    Row("GET", "campaigns"),
    Row("GET", "campaign_new", outsider_role="engineer"),
    Row("GET", "campaign", World.campaign),
    Row(
        "POST",
        "campaign_state",
        World.campaign,
        owner=302,
        colleague=302,
        outsider_role="engineer",
        data={"state": "paused", "version": "1"},
    ),
    Row("GET", "campaign_edit", World.campaign, outsider_role="engineer"),
    Row(
        "POST",
        "campaign_overlap",
        World.campaign,
        owner=302,
        colleague=302,
        outsider_role="engineer",
        data={"overlap": "2", "version": "1"},
    ),
    Row(
        "POST",
        "campaign_extend",
        World.campaign,
        outsider_role="engineer",
        data={"way": "fresh", "chosen": "same", "dry": "1", "version": "1"},
    ),
    Row("GET", "campaign_progress", World.campaign),
    Row(
        "POST",
        "/api/campaigns/{campaign_id}/edit",
        World.campaign,
        outsider_role="engineer",
        data={"version": 1, "name": "Renamed"},
    ),
    Row(
        "POST",
        "/api/campaigns/{campaign_id}/overlap",
        World.campaign,
        outsider_role="engineer",
        data={"overlap": 2, "version": 1},
    ),
    Row(
        "POST",
        "/api/campaigns/{campaign_id}/extend",
        World.campaign,
        outsider_role="engineer",
        data={"version": 1, "dry_run": True},
    ),
    Row("GET", "/api/campaigns/{campaign_id}/progress", World.campaign),
    # Annotators
    Row("GET", "groups", outsider_role="engineer"),
    Row("GET", "group_new", outsider_role="engineer"),
    Row("GET", "group", World.group, outsider_role="engineer"),
    Row("POST", "group_delete", World.group, owner=302, colleague=302, outsider_role="engineer"),
    Row("GET", "work_time", outsider_role="engineer"),
    Row("GET", "/api/groups", outsider_role="engineer"),
    Row("POST", "/api/groups", owner=201, colleague=201, outsider_role="engineer", data={"name": "Night"}),
    Row(
        "PUT",
        "/api/groups/{group_id}",
        World.api_group,
        outsider_role="engineer",
        data={"name": "Night", "version": 0},
    ),
    Row(
        "DELETE",
        "/api/groups/{group_id}",
        World.api_group,
        owner=204,
        colleague=204,
        outsider_role="engineer",
    ),
    Row("GET", "/api/work-time", owner=422, colleague=422, outsider=422),
    Row("GET", "/api/work-time.csv", owner=422, colleague=422, outsider=422),
    Row("GET", "/api/campaigns"),
    Row("POST", "/api/campaigns", owner=422, colleague=422, outsider=422, data={}),
    Row("POST", "/api/campaigns/preview", data={}),
    Row("GET", "/api/campaigns/{campaign_id}", World.campaign),
    Row(
        "POST",
        "/api/campaigns/{campaign_id}/state",
        World.campaign,
        outsider_role="engineer",
        data={"state": "paused", "version": 1},
    ),
    Row("GET", "/api/campaigns/{campaign_id}/items", World.campaign),
    Row("GET", "/api/campaigns/{campaign_id}/agreement", World.campaign),
    # Quality: figures are for those who look after campaigns; what changes something is the managers'
    Row("GET", "campaign_quality", World.campaign),
    Row("POST", "quality_report", World.campaign, owner=302, colleague=302),
    Row(
        "POST",
        "quality_settings",
        World.campaign,
        owner=302,
        colleague=302,
        outsider_role="engineer",
        data={
            "version": "1",
            "qualification_items": "0",
            "qualification_pass": "0.7",
            "dispute_from": "0.5",
        },
    ),
    Row(
        "POST",
        "quality_person",
        World.judged,
        owner=302,
        colleague=302,
        outsider_role="engineer",
        data={"action": "exclude", "why": "clicked through"},
    ),
    Row("GET", "campaign_gold", World.campaign, outsider_role="engineer"),
    Row("POST", "gold_active", World.gold, owner=302, colleague=302, outsider_role="engineer"),
    Row("GET", "/api/campaigns/{campaign_id}/quality", World.campaign),
    Row("GET", "/api/campaigns/{campaign_id}/quality/people.csv", World.campaign),
    Row("POST", "/api/campaigns/{campaign_id}/quality/report", World.campaign, owner=202, colleague=202),
    Row(
        "POST",
        "/api/campaigns/{campaign_id}/quality/settings",
        World.campaign,
        outsider_role="engineer",
        data={"version": 1, "gold_feedback": True},
    ),
    Row(
        "POST",
        "/api/campaigns/{campaign_id}/people/{pseudonym}/exclude",
        World.judged,
        outsider_role="engineer",
        data={"why": "clicked through"},
    ),
    Row(
        "POST",
        "/api/campaigns/{campaign_id}/people/{pseudonym}/take-back",
        World.judged,
        owner=409,
        colleague=409,
        outsider_role="engineer",
    ),
    Row(
        "POST",
        "/api/campaigns/{campaign_id}/people/{pseudonym}/let-in",
        World.judged,
        outsider_role="engineer",
    ),
    Row(
        "POST",
        "/api/campaigns/{campaign_id}/people/{pseudonym}/qualify-again",
        World.judged,
        outsider_role="engineer",
    ),
    Row("GET", "/api/campaigns/{campaign_id}/gold", World.campaign, outsider_role="engineer"),
    Row(
        "POST",
        "/api/campaigns/{campaign_id}/gold/make",
        World.campaign,
        owner=202,
        colleague=202,
        outsider_role="engineer",
        data={"n": 1},
    ),
    Row(
        "POST",
        "/api/campaigns/{campaign_id}/gold/consensus",
        World.campaign,
        owner=404,
        colleague=404,
        outsider_role="engineer",
        data={"item": str(uuid.UUID(int=1)), "explanation_en": "so"},
    ),
    Row(
        "POST",
        "/api/campaigns/{campaign_id}/gold/scores",
        World.campaign,
        owner=404,
        colleague=404,
        outsider_role="engineer",
        data={"item": str(uuid.UUID(int=1)), "scores": {}, "explanation_en": "so"},
    ),
    Row(
        "POST",
        "/api/campaigns/{campaign_id}/gold/{item_id}/active",
        World.gold,
        outsider_role="engineer",
        data={"active": False},
    ),
    # Adjudication: experts and managers
    Row("GET", "disputes", World.campaign, role="expert", outsider_role="engineer"),
    Row("GET", "dispute", World.disputed, role="expert", outsider_role="engineer"),
    Row(
        "GET",
        "/api/campaigns/{campaign_id}/disputes",
        World.campaign,
        role="expert",
        outsider_role="engineer",
    ),
    Row("GET", "/api/disputes/{item_id}", World.disputed, role="expert", outsider_role="engineer"),
    Row(
        "POST",
        "/api/disputes/{item_id}",
        World.disputed,
        owner=422,
        colleague=422,
        role="expert",
        outsider_role="engineer",
        data={"answers": {"picks": {}, "comparisons": []}, "idempotency_key": str(uuid.UUID(int=1))},
    ),
    Row("GET", "/api/campaigns/{campaign_id}/export/pairs", World.campaign),
    Row("GET", "/api/campaigns/{campaign_id}/export/items.jsonl", World.campaign),
    Row("GET", "/api/campaigns/{campaign_id}/export/scores", World.likert),
    # Pairs to look at
    Row("GET", "campaign_pairs", World.campaign),
    Row("GET", "/api/campaigns/{campaign_id}/pairs", World.campaign),
    Row("GET", "campaign_versions", World.campaign),
    Row("POST", "campaign_versions", World.campaign, owner=302, colleague=302, data={"name": "v"}),
    Row("GET", "pair_version", World.pair_version),
    Row("GET", "/api/campaigns/{campaign_id}/pair-versions", World.campaign),
    Row(
        "POST",
        "/api/campaigns/{campaign_id}/pair-versions",
        World.campaign,
        owner=201,
        colleague=201,
        data={"name": "v"},
    ),
    Row("GET", "/api/pair-versions/{version_id}", World.pair_version),
    Row("GET", "/api/pair-versions/{version_id}/export", World.pair_version),
    # Webhooks
    Row("GET", "webhooks", outsider_role="engineer"),
    Row("POST", "webhooks", owner=422, colleague=422, outsider_role="engineer"),
    Row("GET", "webhook", World.webhook, outsider_role="engineer"),
    Row("POST", "webhook_change", World.webhook, owner=302, colleague=302, outsider_role="engineer"),
    Row("POST", "webhook_redeliver", World.delivery, owner=302, colleague=302, outsider_role="engineer"),
    Row("GET", "/api/webhooks", outsider_role="engineer"),
    Row("POST", "/api/webhooks", owner=422, colleague=422, outsider=422, data={}),
    Row("GET", "/api/webhooks/{webhook_id}", World.webhook, outsider_role="engineer"),
    Row(
        "PATCH",
        "/api/webhooks/{webhook_id}",
        World.webhook,
        outsider_role="engineer",
        data={"active": False},
    ),
    Row(
        "DELETE",
        "/api/webhooks/{webhook_id}",
        World.webhook,
        owner=204,
        colleague=204,
        outsider_role="engineer",
    ),
    Row("POST", "/api/webhooks/{webhook_id}/test", World.webhook, outsider_role="engineer"),
    Row("GET", "/api/webhooks/{webhook_id}/deliveries", World.webhook, outsider_role="engineer"),
    Row(
        "POST",
        "/api/webhooks/deliveries/{delivery_id}/redeliver",
        World.delivery,
        outsider_role="engineer",
    ),
    # Judgements made elsewhere
    Row("GET", "judgement_import", outsider_role="engineer"),
    Row("POST", "judgement_import", owner=422, colleague=422, outsider_role="engineer"),
    Row("POST", "/api/campaigns/import", owner=422, colleague=422, outsider=422),
    # Labelling: everybody who is logged in may label, what somebody else has in work is not theirs
    Row("GET", "label_home", **EVERYBODY),
    Row("GET", "label_me", **EVERYBODY),
    Row("GET", "/api/label/me", **EVERYBODY),
    Row("GET", "label", World.campaign, **EVERYBODY),
    Row("GET", "label_media", World.item_clip, colleague=404, outsider=404, **LABELLER),
    Row("GET", "label_first_frame", World.first_frame, colleague=404, outsider=404, **LABELLER),
    Row("GET", "label_example", World.example_address, **EVERYBODY),
    Row("GET", "/api/label/campaigns", **EVERYBODY),
    Row("POST", "/api/label/next", **EVERYBODY, data=World.in_campaign),
    Row("POST", "/api/label/hold", **EVERYBODY, data=World.in_campaign),
    Row("POST", "/api/label/last", **EVERYBODY, data=World.in_campaign),
    Row(
        "POST",
        "/api/label/{assignment_id}/heartbeat",
        World.assignment,
        colleague=404,
        outsider=404,
        **LABELLER,
    ),
    Row(
        "PUT",
        "/api/label/{assignment_id}/draft",
        World.assignment,
        colleague=404,
        outsider=404,
        **LABELLER,
        data=lambda world: {**world.answers(), "draft_version": 0},
    ),
    Row(
        "POST",
        "/api/label/{assignment_id}/check",
        World.assignment,
        colleague=404,
        outsider=404,
        **LABELLER,
        data=World.answers,
    ),
    Row(
        "POST",
        "/api/label/{assignment_id}/submit",
        World.assignment,
        colleague=404,
        outsider=404,
        **LABELLER,
        data=World.submission,
    ),
    Row(
        "POST",
        "/api/label/{assignment_id}/skip",
        World.assignment,
        colleague=404,
        outsider=404,
        **LABELLER,
        data={"reason": "broken"},
    ),
    Row(
        "POST",
        "/api/label/{assignment_id}/flag",
        World.assignment,
        colleague=404,
        outsider=404,
        **LABELLER,
        data=World.clip_to_flag,
    ),
    # What stands beside the work
    Row("GET", "/api/campaigns/{campaign_id}/flags", World.campaign),
    Row("GET", "/api/campaigns/{campaign_id}/examples", World.campaign),
    Row(
        "POST",
        "/api/campaigns/{campaign_id}/examples",
        World.campaign,
        owner=422,
        colleague=422,
        outsider_role="engineer",
        data={"clip": str(uuid.UUID(int=0))},
    ),
    Row(
        "DELETE",
        "/api/campaigns/{campaign_id}/examples/{example_id}",
        World.example,
        owner=204,
        colleague=204,
        outsider_role="engineer",
    ),
    Row("GET", "campaign_examples", World.campaign),
    Row("POST", "campaign_examples", World.campaign, owner=422, colleague=422, outsider_role="engineer"),
    Row(
        "POST",
        "campaign_example_remove",
        World.example,
        owner=302,
        colleague=302,
        outsider_role="engineer",
    ),
    # Evaluations
    Row("GET", "evaluations", **ENGINEER),
    Row("GET", "evaluation_new", **ENGINEER),
    Row("POST", "evaluation_new", owner=422, colleague=422, data={}, **ENGINEER),
    Row("GET", "evaluation", World.evaluation, **ENGINEER),
    Row("GET", "evaluation_progress", World.evaluation, **ENGINEER),
    Row("POST", "evaluation_begin", World.evaluation, owner=422, colleague=422, data={}, **ENGINEER),
    Row("POST", "evaluation_finish", World.evaluation, owner=422, colleague=422, data={}, **ENGINEER),
    Row("GET", "evaluation_missing", World.evaluation, **ENGINEER),
    Row("GET", "evaluation_report", World.reported_evaluation, **ENGINEER),
    Row("GET", "evaluation_report_html", World.reported_evaluation, **ENGINEER),
    # Nothing is judged yet, so there is nothing to print.
    Row("GET", "evaluation_report_pdf", World.evaluation, owner=404, colleague=404, **ENGINEER),
    Row("GET", "/api/evaluations", **ENGINEER),
    Row("POST", "/api/evaluations", owner=422, colleague=422, outsider=422, data={}, **ENGINEER),
    Row("POST", "/api/evaluations/preview", owner=422, colleague=422, outsider=422, data={}, **ENGINEER),
    Row("GET", "/api/evaluations/{evaluation_id}", World.evaluation, **ENGINEER),
    Row("GET", "/api/evaluations/{evaluation_id}/missing", World.evaluation, **ENGINEER),
    Row(
        "POST",
        "/api/evaluations/{evaluation_id}/begin",
        World.evaluation,
        owner=409,
        colleague=409,
        data={"version": 1},
        **ENGINEER,
    ),
    Row(
        "POST",
        "/api/evaluations/{evaluation_id}/finish",
        World.evaluation,
        owner=409,
        colleague=409,
        data={"version": 0},
        **ENGINEER,
    ),
    Row("GET", "/api/evaluations/{evaluation_id}/report", World.reported_evaluation, **ENGINEER),
    Row("GET", "/api/evaluations/{evaluation_id}/figures/{key}.csv", World.evaluation_figure, **ENGINEER),
    # Arena: visitors too, since a demo is open to them; a battle is the voter's own
    Row("GET", "arena", owner=302, colleague=302, outsider=302, anonymous=302),
    Row("GET", "arena_vote", World.track, **ANYBODY),
    Row("GET", "arena_leaderboard", World.track, **ANYBODY),
    Row("GET", "arena_media", World.battle_address, colleague=404, outsider=404, anonymous=404),
    Row("GET", "arena_first_frame", World.battle_picture, colleague=404, outsider=404, anonymous=404),
    Row("POST", "/api/arena/{track}/next", World.track, **ANYBODY),
    Row(
        "POST",
        "/api/arena/battles/{battle_id}/vote",
        World.battle,
        colleague=404,
        outsider=404,
        anonymous=404,
        data=lambda world: {"answer": "left", "idempotency_key": str(uuid.uuid4())},
    ),
    Row(
        "POST",
        "/api/arena/battles/{battle_id}/shown",
        World.battle,
        colleague=404,
        outsider=404,
        anonymous=404,
    ),
    Row(
        "POST",
        "/api/arena/battles/{battle_id}/pass",
        World.battle,
        colleague=404,
        outsider=404,
        anonymous=404,
    ),
    # Prompts of users: whoever has the receipt may withdraw
    Row("GET", "prompt_suggest", **ANYBODY),
    Row("POST", "prompt_suggest", owner=422, colleague=422, outsider=422, anonymous=422),
    Row("GET", "shared_prompts", **ANYBODY),
    Row("POST", "prompt_withdraw", owner=302, colleague=302, outsider=302, anonymous=302),
    Row("GET", "/api/arena/prompts", **ANYBODY),
    Row(
        "POST",
        "/api/arena/prompts",
        owner=201,
        colleague=201,
        outsider=201,
        anonymous=201,
        data={"text": "A cat sleeps on a chair", "agreed": True},
    ),
    Row("POST", "/api/arena/prompts/{receipt}/withdraw", World.receipt, **ANYBODY),
    Row("GET", "arena_embed", World.track, **ANYBODY),
    Row("GET", "arena_model", World.track_model, **ANYBODY),
    Row("GET", "arena_watch", World.battle_over, **ANYBODY),
    Row("GET", "arena_tracks", owner=200, colleague=200, role="manager", outsider_role="engineer"),
    Row("GET", "arena_track_new", owner=200, colleague=200, role="manager", outsider_role="engineer"),
    Row("POST", "arena_track_new", owner=422, colleague=422, role="manager", outsider_role="engineer"),
    Row("GET", "arena_track", World.track, role="manager", outsider_role="engineer"),
    Row(
        "POST", "arena_track", World.track, owner=422, colleague=422, role="manager", outsider_role="engineer"
    ),
    Row("GET", "arena_filters", World.track, role="manager", outsider_role="engineer"),
    Row(
        "POST",
        "arena_filters",
        World.track,
        owner=422,
        colleague=422,
        role="manager",
        outsider_role="engineer",
    ),
    Row(
        "POST",
        "arena_ruling",
        World.track,
        owner=302,
        colleague=302,
        role="manager",
        outsider_role="engineer",
    ),
    Row("GET", "arena_model_card", World.model, role="manager", outsider_role="engineer"),
    Row(
        "POST",
        "arena_model_card",
        World.model,
        owner=422,
        colleague=422,
        role="manager",
        outsider_role="engineer",
    ),
    Row("GET", "/api/arena/{track}/matrices", World.track, **ANYBODY),
    Row("GET", "/api/arena/{track}/matrices.csv", World.track, **ANYBODY),
    Row("GET", "/api/arena/{track}/history", World.track, **ANYBODY),
    Row("GET", "/api/arena/{track}/history.csv", World.track, **ANYBODY),
    Row("GET", "/api/arena/{track}/models/{model}", World.track_model, **ANYBODY),
    Row("GET", "/api/arena/{track}/votes.csv", World.track, role="engineer", outsider_role="annotator"),
    Row("GET", "/api/arena/{track}/filters", World.track, role="manager", outsider_role="engineer"),
    Row(
        "POST",
        "/api/arena/{track}/rulings",
        World.track,
        owner=404,
        colleague=404,
        role="manager",
        outsider_role="engineer",
        data={"voter": "7a5ac7c5-2a2c-4d2e-8f0a-7a5ac7c52a2c", "kind": "excluded", "reason": "a program"},
    ),
    Row(
        "PATCH",
        "/api/arena/models/{model}",
        World.model,
        role="manager",
        outsider_role="engineer",
        data={"version": 0, "licence": "Apache 2.0"},
    ),
    Row("GET", "/api/arena/tracks", **ANYBODY),
    Row(
        "WS", "ws/arena/<slug:track>/", World.track, owner=True, colleague=True, outsider=True, anonymous=True
    ),
    Row("GET", "/api/arena/{track}/leaderboard", World.track, **ANYBODY),
    Row("GET", "/api/arena/{track}/leaderboard.csv", World.track, **ANYBODY),
]
