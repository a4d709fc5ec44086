"""The networks: causal in time, right about shapes, and two ways of computing one thing agree."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from generator.nets import dit, rope
from generator.nets.presets import preset
from generator.nets.text import TextModel, make_tokenizer
from generator.nets.vae import VAE

MICRO = preset("micro")
TEXTS = [
    "a red circle moves left",
    "一个红色的圆形向左移动",
    "a blue square moves up, the camera stays still",
]


@pytest.fixture
def vae() -> VAE:
    torch.manual_seed(0)
    return VAE(MICRO.vae).eval()


def test_a_latent_sees_frames_up_to_its_group_and_no_further(vae: VAE) -> None:
    video = torch.randn(1, 9, 3, 32, 32)
    before, _ = vae.moments(video)
    for frame in range(9):
        changed = video.clone()
        changed[:, frame] += 1
        difference = (vae.moments(changed)[0] - before).abs().amax(dim=(0, 1, 3, 4))
        first = -(-frame // 4)  # frames 4j-3 .. 4j belong to latent j
        assert (difference[:first] == 0).all()
        assert difference[first] > 0


def test_a_frame_is_drawn_from_latents_up_to_its_own(vae: VAE) -> None:
    latents = torch.randn(1, MICRO.vae.latent_channels, 3, 2, 2)
    before = vae.decode(latents)
    assert before.shape == (1, 9, 3, 32, 32)
    for place in range(3):
        changed = latents.clone()
        changed[:, :, place] += 1
        difference = (vae.decode(changed) - before).abs().amax(dim=(0, 2, 3, 4))
        first = 0 if place == 0 else 4 * place - 3
        assert (difference[:first] == 0).all()
        assert (difference[first : 4 * place + 1] > 0).all()


def test_an_image_is_a_video_of_one_frame(vae: VAE) -> None:
    video = torch.randn(2, 9, 3, 32, 32)
    torch.testing.assert_close(vae.encode(video)[:, :, :1], vae.encode(video[:, :1]))


def test_normalised_latents_draw_what_the_raw_ones_draw(vae: VAE) -> None:
    vae.mean.normal_()
    vae.std.uniform_(0.5, 2)
    video = torch.randn(1, 5, 3, 32, 32)
    torch.testing.assert_close(
        vae.decode(vae.encode(video)), vae.draw(vae.moments(video)[0]), rtol=1e-4, atol=1e-4
    )


def test_sizes_that_do_not_compress_are_refused(vae: VAE) -> None:
    with pytest.raises(ValueError, match=r"8 frames of 32 x 32 .* multiple of 4 and one"):
        vae.moments(torch.zeros(1, 8, 3, 32, 32))


@pytest.fixture(scope="module")
def text() -> TextModel:
    torch.manual_seed(0)
    return TextModel(MICRO.text, make_tokenizer(TEXTS, MICRO.text.vocabulary)).eval()


def _transformer() -> dit.DiT:
    torch.manual_seed(0)
    made = dit.DiT(MICRO.dit).eval()
    for parameter in made.parameters():  # what starts at zero hides everything behind it
        torch.nn.init.normal_(parameter, std=0.2)
    return made


def _inputs(text: TextModel, texts: list[str], frames: int = 3) -> tuple[torch.Tensor, ...]:
    source = torch.Generator().manual_seed(1)
    shape = (len(texts), MICRO.dit.latent_channels, frames, 4, 4)
    noisy = torch.randn(shape, generator=source)
    words, real = text(texts)
    return (
        noisy,
        torch.zeros(shape),
        torch.zeros(len(texts), 1, frames, 4, 4),
        torch.full((len(texts),), 0.5),
        words,
        real,
    )


@torch.no_grad()
def test_a_text_is_read_alike_in_any_company(text: TextModel) -> None:
    """Padding to the longest text of the batch changes nothing, in the text model or in the transformer."""
    network = _transformer()
    together = _inputs(text, TEXTS)
    alone = _inputs(text, TEXTS[:1])
    assert together[4].shape[1] > alone[4].shape[1]
    torch.testing.assert_close(
        network(*together)[:1], network(*(part[:1] for part in alone)), rtol=1e-4, atol=1e-4
    )
    assert not torch.allclose(network(*together)[0], network(*_inputs(text, TEXTS[1:2]))[0], atol=1e-2)


@torch.no_grad()
def test_every_frame_hears_of_every_other_and_of_what_is_given(text: TextModel) -> None:
    network = _transformer()
    noisy, given, mask, level, words, real = _inputs(text, TEXTS[:1])
    before = network(noisy, given, mask, level, words, real)
    changed = noisy.clone()
    changed[:, :, 0, 0, 0] += 1
    assert (
        (network(changed, given, mask, level, words, real) - before).abs().amax(dim=(0, 1, 3, 4)) > 0
    ).all()
    mask[:, :, 0], given[:, :, 0] = 1, 1
    assert not torch.allclose(network(noisy, given, mask, level, words, real), before, atol=1e-3)


def test_a_new_transformer_predicts_nothing(text: TextModel) -> None:
    assert (dit.DiT(MICRO.dit)(*_inputs(text, TEXTS)) == 0).all()


def test_windows_come_together_again() -> None:
    x = torch.randn(2, 3, 4, 8, 5)
    cut = dit.windows(x, (2, 4))
    assert cut.shape == (2, 4, 24, 5)
    assert torch.equal(dit.together(cut, x.shape, (2, 4)), x)


def test_attention_is_the_librarys() -> None:
    q, k, v = torch.randn(3, 2, 7, 4, 8).unbind(0)
    real = torch.ones(2, 7, dtype=torch.bool)
    real[1, 5:] = False
    expected = functional.scaled_dot_product_attention(
        q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), attn_mask=real[:, None, None]
    )
    torch.testing.assert_close(dit.attend(q, k, v, real), expected.transpose(1, 2).flatten(2))


def test_rotary_products_depend_on_distances_alone() -> None:
    q, k = torch.randn(2, 1, 1, 16).unbind(0)
    here, there = torch.tensor([[[3, 1, 2]]]), torch.tensor([[[5, 0, 7]]])

    def product(shift: int) -> torch.Tensor:
        turned = (
            rope.turn(q, rope.angles(here + shift, 16, 100.0)),
            rope.turn(k, rope.angles(there + shift, 16, 100.0)),
        )
        return (turned[0] * turned[1]).sum()

    torch.testing.assert_close(product(0), product(11), rtol=1e-4, atol=1e-4)
    positions = rope.video_positions(torch.tensor([4, 9]), 3, 2, 2)
    assert positions[0, 0, 1, 1].tolist() == [4, 1, 1]
    assert positions[1, 2, 0, 0].tolist() == [11, 0, 0]


def test_a_pretrained_language_model_is_a_line_of_config(tmp_path: Path) -> None:
    """Any decoder-only model of transformers can be the text model; here one that is made and saved."""
    from dataclasses import replace

    from transformers import LlamaConfig, LlamaModel, PreTrainedTokenizerFast

    from generator.nets.text import pretrained_tokenizer

    sizes = LlamaConfig(
        vocab_size=400, hidden_size=24, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2
    )
    LlamaModel(sizes).save_pretrained(tmp_path)
    made = make_tokenizer(TEXTS, 400)
    (tmp_path / "own.json").write_text(made)
    tokenizer: Any = PreTrainedTokenizerFast
    tokenizer(tokenizer_file=str(tmp_path / "own.json")).save_pretrained(tmp_path)
    model = TextModel(replace(MICRO.text, pretrained=str(tmp_path)), pretrained_tokenizer(str(tmp_path)))
    hidden, real = model(TEXTS)
    assert model.width == 24
    assert hidden.shape == (*real.shape, 24)
