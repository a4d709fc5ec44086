"""Example clips of guidelines: in the dimensions' order, chosen by managers, seen by those who label."""

import json
import uuid
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client

from annotation.campaigns import examples
from annotation.models import Campaign, Clip, GuidelineExample, Rendition
from tests.annotation import rows
from workbench.models import Role, User
from workbench.refusals import Conflict, Invalid


@pytest.fixture
def manager(db: None) -> User:
    return rows.person("manager", Role.MANAGER)


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_examples_stand_in_the_order_of_the_dimensions(manager: User) -> None:
    campaign = rows.campaign(manager, items=2)
    clips = list(Clip.objects.all())
    for clip, dimension in zip(
        clips, ("motion_quality", "", "prompt_following", "motion_quality"), strict=False
    ):
        examples.add(campaign, clip.pk, kind="bad", dimension=dimension, caption_zh="看")
    order = [(e.dimension.key if e.dimension else "", e.clip_id) for e in examples.of_campaign(campaign)]
    assert order == [
        ("", clips[1].pk),
        ("prompt_following", clips[2].pk),
        ("motion_quality", clips[0].pk),
        ("motion_quality", clips[3].pk),
    ]
    with pytest.raises(Conflict, match="already"):
        examples.add(campaign, clips[1].pk, kind="good")
    with pytest.raises(Invalid, match="dimension"):
        examples.add(campaign, clips[1].pk, kind="good", dimension="first_frame")
    with pytest.raises(Invalid, match="ready clip"):
        examples.add(campaign, uuid.uuid4(), kind="good")


def test_an_example_is_seen_by_those_who_label_in_its_campaign(manager: User) -> None:
    bob = rows.person("bob")
    campaign = rows.campaign(manager, annotators=(bob.pk,), opened=False)
    example = examples.add(campaign, Clip.objects.all()[0].pk, kind="good")
    rendition = Rendition.objects.get(clip=example.clip)
    rendition.file.save("a.mp4", ContentFile(b"0123456789"))
    address = f"/label/examples/{example.pk}/"
    assert logged_in(bob).get(address).status_code == 404, "a draft is not shown yet"
    Campaign.objects.update(state="open")
    assert logged_in(bob).get(address).getvalue() == b"0123456789"
    assert logged_in(rows.person("ann")).get(address).status_code == 404
    assert logged_in(manager).get(address).status_code == 200
    page = logged_in(bob).get(f"/label/{campaign.pk}/").content.decode()
    assert address in page
    assert str(example.clip_id) not in page


def test_a_manager_adds_and_removes_examples_by_page_and_api(manager: User) -> None:
    campaign = rows.campaign(manager)
    client = logged_in(manager)
    at = f"/campaigns/{campaign.pk}/examples/"
    clip = Clip.objects.all()[0]
    clip.poster.name = "posters/a.jpg"
    clip.save()
    wrong = client.post(at, {"clip": "that one", "kind": "good", "caption_en": "Look at the hands"})
    assert wrong.status_code == 422
    assert "Look at the hands" in wrong.content.decode()
    typed: dict[str, Any] = {
        "clip": f"https://x.example/clips/{clip.pk}/",
        "kind": "bad",
        "dimension": "motion_quality",
    }
    assert client.post(at, typed).status_code == 302
    twice = client.post(at, typed)
    assert (twice.status_code, GuidelineExample.objects.count()) == (409, 1)
    api = f"/api/campaigns/{campaign.pk}/examples"
    [found] = client.get(api).json()
    assert (found["clip"], found["kind"], found["dimension"]) == (str(clip.pk), "bad", "motion_quality")
    made = client.post(
        api, json.dumps({"clip": str(clip.pk), "caption_zh": "好"}), content_type="application/json"
    )
    assert (made.status_code, made.json()["kind"]) == (201, "good")
    assert client.delete(f"{api}/{made.json()['id']}").status_code == 204
    assert client.delete(f"{api}/{made.json()['id']}").status_code == 404
    assert client.post(f"{at}{found['id']}/remove/").status_code == 302
    assert not GuidelineExample.objects.exists()
