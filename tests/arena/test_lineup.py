"""Who meets whom: by the chances that are stored, over the prompts of the track, something new first."""

from collections import Counter

import numpy as np
import pytest

from annotation.models import Prompt, PromptSet, Task, VideoModel, opaque_id
from arena.battles import lineup, tracks
from arena.models import Answer, Battle, Voter
from arena.numerics.matchmaking import pair_probabilities
from tests.annotation.rows import clips
from tests.arena.rows import shown, voted, voted_for

pytestmark = pytest.mark.django_db


def test_pairs_are_drawn_by_the_chances_that_are_stored() -> None:
    clips(8, 4)
    voter = Voter.objects.create()
    for _n in range(30):
        voted_for(voter, "secret-model-0")
    track, new = tracks.standard(Task.T2V), Voter.objects.create()
    known = lineup.standing(track)
    chances = pair_probabilities(known.strength, None, known.met)
    drawn = [lineup.draw(track, new, np.random.default_rng(n)) for n in range(400)]
    places = {pk: place for place, pk in enumerate(known.models.tolist())}
    counted = np.zeros_like(chances)
    for one in drawn:
        assert one is not None
        pair = sorted((places[one.left], places[one.right]))
        assert one.probability == pytest.approx(chances[tuple(pair)])
        counted[tuple(pair)] += 1 / len(drawn)
    expected = 2 * np.triu(chances)
    # Three standard deviations of a share among 400.
    assert (np.abs(counted - expected) < 3 * np.sqrt(expected / 400) + 1e-9).all()


def test_a_new_model_is_in_most_battles_and_a_deprecated_one_in_none() -> None:
    clips(6, 3)
    voter = Voter.objects.create()
    for _n in range(18):
        voted(voter, Answer.TIE)
    clip = Battle.objects.order_by("shown_at")[0].left
    newcomer = VideoModel.objects.create(slug="newcomer", name="Newcomer")
    for number, prompt in enumerate(Prompt.objects.all()):
        clip.pk, clip.prompt, clip.video_model = None, prompt, newcomer
        clip.sha256 = f"{number:064}"
        clip._state.adding = True
        clip.id = opaque_id()
        clip.save()
    VideoModel.objects.filter(slug="secret-model-0").update(deprecated=True)
    track = tracks.standard(Task.T2V)
    drawn = [lineup.draw(track, Voter.objects.create()) for _n in range(40)]
    met = Counter(pk for one in drawn if one for pk in (one.left, one.right))
    assert met[newcomer.pk] > 30
    assert set(met) == set(VideoModel.objects.filter(deprecated=False).values_list("pk", flat=True))


def test_prompts_come_from_the_tracks_sets_by_weight_and_those_shown_least_first() -> None:
    clips(6, 2)
    track = tracks.standard(Task.T2V)
    prompts = list(Prompt.objects.order_by("pk"))
    for name, weight, chosen in (("often", 3.0, prompts[:2]), ("seldom", 1.0, prompts[2:4])):
        made = PromptSet.objects.create(slug=name, name=name)
        made.prompts.set(chosen)
        track.track_prompt_sets.create(prompt_set=made, weight=weight)
    met: Counter[int] = Counter()
    for _n in range(40):
        battle = shown(Voter.objects.create())
        met[battle.prompt_id] += 1
    assert set(met) == {prompt.pk for prompt in prompts[:4]}
    often = met[prompts[0].pk] + met[prompts[1].pk]
    assert 25 <= often <= 35  # 30 of 40, held close by showing the least shown first
    assert abs(met[prompts[0].pk] - met[prompts[1].pk]) <= 6


def test_sides_stay_balanced() -> None:
    clips(40, 2)
    voter = Voter.objects.create()
    left = Counter(voted(voter, Answer.TIE).battle.left_model_id for _n in range(40))
    assert set(left) == set(VideoModel.objects.values_list("pk", flat=True))
    assert abs(left.most_common()[0][1] - left.most_common()[1][1]) <= 6
