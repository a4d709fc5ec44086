"""The demo's data: one scene of it, through the real ingest, so that the test is quick."""

import numpy as np
import pytest
from django.core.management import call_command

from annotation.clips import drawn
from annotation.models import Campaign, Clip
from workbench.models import User


@pytest.mark.django_db(transaction=True)
def test_the_demo_opens_a_campaign_and_can_be_loaded_twice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(drawn, "SCENES", drawn.SCENES[:1])
    call_command("demo_data")
    call_command("demo_data")
    campaign = Campaign.objects.get()
    assert campaign.state == Campaign.State.OPEN
    assert campaign.items.get().clips.count() == len(drawn.MODELS)
    assert set(Clip.objects.values_list("state", flat=True)) == {Clip.State.READY}
    assert User.objects.filter(role="manager").count() == 1


def test_every_scene_moves_and_every_model_departs_from_it() -> None:
    scene = drawn.SCENES[1]
    truth = drawn.film(scene)
    assert np.abs(truth[0].astype(int) - truth[-1]).mean() > 1
    for model in drawn.MODELS:
        assert not np.array_equal(model.spoil(scene, 1), truth), model.slug
