"""The vision-language reward: its own input pipeline, what each token can see, gradients, real folders."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from rewardmodels.nets import build, lora
from rewardmodels.nets.foundational import FoundationalReward
from rewardmodels.nets.frames import resized
from rewardmodels.nets.qwen import IMAGE, TEXT, VIDEO, Patching, SpecialIds, patches, sequences

NAMES = ("prompt_following", "structural_stability", "first_frame_preservation")
PROMPTS = ["a red circle moves left", "一个蓝色方块向右移动,镜头固定"]


@pytest.fixture(scope="module")
def net() -> FoundationalReward:
    torch.manual_seed(0)
    made = build.build("foundational", NAMES, build.describe("foundational", "micro", PROMPTS))
    assert isinstance(made, FoundationalReward)
    return made.eval()


def video(seed: int = 0, count: int = 2, size: int = 64) -> Tensor:
    return torch.rand(count, 9, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_patches_are_those_of_the_models_own_processor() -> None:
    """transformers' processor for PIL, on an image that has to be resized too."""
    processors = pytest.importorskip("transformers.models.qwen2_vl.image_processing_pil_qwen2_vl")
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:90, 0:120]
    # Smooth: PIL clips between its two passes, which shows at hard edges.
    waves = [127 + 90 * np.sin(x / (7 + c)) * np.cos(y / (5 + c)) for c in range(3)]
    image = Image.fromarray(np.stack(waves, axis=-1).astype(np.uint8))
    own = processors.Qwen2VLImageProcessorPil(
        patch_size=8,
        merge_size=2,
        temporal_patch_size=2,
        size={"shortest_edge": 64 * 64, "longest_edge": 96 * 96},
    )
    theirs = own.preprocess([image], return_tensors="pt")
    _, rows, columns = theirs["image_grid_thw"][0].tolist()
    given = torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 127.5 - 1
    small = torch.nn.functional.interpolate(
        given[None], size=(rows * 8, columns * 8), mode="bicubic", antialias=True, align_corners=False
    )
    # PIL rounds to bytes between the two.
    small = (((small.clamp(-1, 1) + 1) * 127.5).round() / 127.5 - 1)[:, None]
    ours = patches(small, Patching(patch=8, merge=2, temporal=2))
    assert ours.shape == theirs["pixel_values"].shape
    # PIL's resizing is in fixed point: a level of 255 here and there.
    assert (ours - theirs["pixel_values"]).abs().max() < 1.5 / 255 / 0.26
    assert (ours - theirs["pixel_values"]).abs().mean() < 5e-3
    square = Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    exact = torch.from_numpy(np.array(square)).permute(2, 0, 1)[None, None].float() / 127.5 - 1
    theirs = own.preprocess([square], return_tensors="pt")
    assert torch.allclose(patches(exact, Patching(8, 2, 2)), theirs["pixel_values"], atol=1e-5)


def test_a_patch_is_cut_where_it_lies() -> None:
    clip = video(count=1, size=32)[:, :3]
    cut = patches(clip, Patching(patch=8, merge=2, temporal=2)).view(2, 2, 2, 2, 2, 3, 2, 8, 8)
    back = cut * torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(3, 1, 1, 1)
    back = (back + torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(3, 1, 1, 1)) * 2 - 1
    # Second group of frames (the last frame twice), cell (1, 0), in it the patch (0, 1).
    assert torch.allclose(back[1, 1, 0, 0, 1, :, 0], clip[0, 2, :, 16:24, 8:16], atol=1e-5)
    assert torch.equal(back[1, 1, 0, 0, 1, :, 0], back[1, 1, 0, 0, 1, :, 1])
    with pytest.raises(ValueError, match="frames of 64x60 must be divisible by patch"):
        Patching(8, 2, 2).grid(4, 60, 64)


def test_a_sequence_is_laid_out_as_it_says() -> None:
    tokens = SpecialIds(image=90, video=91, start=92, end=93, pad=94)
    laid = sequences([[1, 2, 3], [4]], image=1, video=2, before=2, after=1, tokens=tokens)
    assert laid.ids.tolist() == [
        [92, 90, 93, 92, 91, 91, 93, 94, 94, 1, 2, 3, 94],
        [92, 90, 93, 92, 91, 91, 93, 94, 94, 4, 94, 94, 94],
    ]
    assert laid.kinds[0].tolist() == [TEXT, IMAGE, TEXT, TEXT, VIDEO, VIDEO, *[TEXT] * 7]
    assert laid.mask.sum(dim=1).tolist() == [13, 11]
    assert laid.special.tolist() == [[7, 8, 12], [7, 8, 10]]


@torch.no_grad()
def test_quality_is_blind_to_the_prompt(net: FoundationalReward) -> None:
    clips = video()
    first, swapped = net(clips, PROMPTS, None, 8.0), net(clips, PROMPTS[::-1], None, 8.0)
    assert torch.allclose(first[:, 1:], swapped[:, 1:], atol=1e-5)
    assert (first[:, 0] - swapped[:, 0]).abs().min() > 1e-3
    # Beside a longer prompt, padding changes nothing.
    alone = torch.cat([net(clips[n : n + 1], PROMPTS[n : n + 1], None, 8.0) for n in range(2)])
    assert torch.allclose(first, alone, atol=1e-5)


@torch.no_grad()
def test_a_clip_under_several_prompts_is_seen_once(net: FoundationalReward) -> None:
    clips, images = video(), video(seed=1)[:, 0]
    texts = [*PROMPTS, *PROMPTS[::-1]]
    scores, surprise = net.read(clips, texts, images, 8.0)
    apart, apart_surprise = net.read(torch.cat([clips] * 2), texts, torch.cat([images] * 2), 8.0)
    assert torch.allclose(scores, apart, atol=1e-5)
    assert torch.allclose(surprise, apart_surprise, atol=1e-5)
    assert torch.allclose(scores[:2], net(clips, PROMPTS, images, 8.0), atol=1e-5)
    # A new network knows nothing of the text: about the logarithm of the number of tokens, or more.
    assert surprise.min() > 0.5 * np.log(net.tokenizer.get_vocab_size())
    with pytest.raises(ValueError, match="3 prompts for 2 clips"):
        net(clips, texts[:3], None, 8.0)


@torch.no_grad()
def test_the_first_frame_and_the_time_count(net: FoundationalReward) -> None:
    clips = video()
    images = video(seed=1)[:, 0]
    shown, other = net(clips, PROMPTS, images, 8.0), net(clips, PROMPTS, images.flip(0), 8.0)
    assert (shown - other).abs().amax(dim=0).min() > 1e-4  # every dimension sees it
    assert not torch.allclose(shown, net(clips, PROMPTS, None, 8.0), atol=1e-4)
    assert not torch.allclose(net(clips, PROMPTS, None, 8.0), net(clips, PROMPTS, None, 2.0), atol=1e-5)


@torch.no_grad()
def test_positions_are_of_space_and_time(net: FoundationalReward, monkeypatch: pytest.MonkeyPatch) -> None:
    """Qwen2.5-VL falls back to positions of a text, in silence, where the kinds of tokens are not given."""
    seen: list[Any] = []
    honest = net.vlm.language_model.forward

    def listening(*args: Any, **named: Any) -> Any:
        seen.append(named["position_ids"])
        return honest(*args, **named)

    monkeypatch.setattr(net.vlm.language_model, "forward", listening)
    net(video(count=1), PROMPTS[:1], None, 8.0)
    (positions,) = seen
    assert positions.shape[0] == 3
    # start | 2 groups x 4 x 4 cells: rows run with the second axis, columns with the third.
    rows, columns = positions[1, 0, 1:33].view(2, 4, 4), positions[2, 0, 1:33].view(2, 4, 4)
    assert torch.equal(rows[0], torch.arange(1, 5)[:, None].expand(4, 4))
    assert torch.equal(columns[1], torch.arange(1, 5)[None, :].expand(4, 4))
    assert positions[0, 0, 17] > positions[0, 0, 1]


def test_gradients_reach_every_sampled_pixel(net: FoundationalReward) -> None:
    clips = video(size=80).requires_grad_()
    net(clips, PROMPTS, None, 8.0).sum().backward()
    assert clips.grad is not None
    moved = clips.grad.abs().amax(dim=(0, 2, 3, 4)) > 0
    assert moved.tolist() == [n in {0, 3, 5, 8} for n in range(9)]
    assert (clips.grad[:, 0].abs() > 0).float().mean() > 0.99


@pytest.fixture(scope="module")
def folder(net: FoundationalReward, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the public family as people have it on disk, only small."""
    path = tmp_path_factory.mktemp("pretrained")
    net.vlm.save_pretrained(path)
    net.tokenizer.save(str(path / "tokenizer.json"))
    return path


def test_starts_from_a_pretrained_folder(net: FoundationalReward, folder: Path) -> None:
    torch.manual_seed(1)
    started = FoundationalReward.from_pretrained(folder, dimensions=NAMES, frames=4, size=64)
    trained = {name for name, p in started.named_parameters() if p.requires_grad}
    assert {"special", "heads", "biases"} < trained
    assert all(name.endswith((".up", ".down")) for name in trained - {"special", "heads", "biases"})
    assert len(trained) == 3 + 2 * 4 * 2  # both layers' four projections
    with torch.no_grad():
        for name in ("special", "heads", "biases"):
            getattr(started, name).copy_(getattr(net, name))
        clips = video()
        assert torch.allclose(started(clips, PROMPTS, None, 8.0), net(clips, PROMPTS, None, 8.0), atol=1e-5)
        for name, parameter in started.named_parameters():
            if name.endswith(".up"):
                parameter.normal_(std=0.1)
        moved = started(clips, PROMPTS, None, 8.0)
        assert not torch.allclose(moved, net(clips, PROMPTS, None, 8.0), atol=1e-3)
        # Folded in, a plain model of the same config says the same.
        plain = FoundationalReward(
            dimensions=NAMES, config=started.config, tokenizer=net.tokenizer.to_str(), frames=4, size=64
        )
        plain.load_state_dict(lora.merged(started.state_dict()))
        assert torch.allclose(plain(clips, PROMPTS, None, 8.0), moved, atol=1e-5)


def test_another_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has no tokenizer\.json"):
        FoundationalReward.from_pretrained(tmp_path, dimensions=NAMES, frames=4, size=64)
    (tmp_path / "tokenizer.json").write_text((folder / "tokenizer.json").read_text())
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ValueError, match=r"holds a 'bert' model, expected 'qwen2_5_vl'"):
        FoundationalReward.from_pretrained(tmp_path, dimensions=NAMES, frames=4, size=64)


def test_any_text_can_be_told_in_tokens(net: FoundationalReward) -> None:
    text = "Ein Größenvergleich 🎈 向左"
    assert net.tokenizer.decode(net.tokenizer.encode(text).ids).strip() == text
    again = build.train_tokenizer(PROMPTS[::-1], 384)
    assert again.to_str() == net.tokenizer.to_str()


def test_resizing_does_not_alias() -> None:
    fine = torch.ones(1, 3, 256, 256)
    fine[..., ::2] = -1
    assert resized(fine, 64)[..., 2:-2].abs().max() < 0.02
