"""Clips of the world with something wrong in them, as a generator or a codec makes them."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from annotation.clips.degrade import degraded_pixels
from generator.data.world import Scene, render

Video = NDArray[np.uint8]


def decoded(video: Video, rng: np.random.Generator) -> Video:
    """As a small autoencoder and a codec give a clip back: soft, blocky, a little grainy."""
    pixels = video.astype(np.float32)
    soft = ndimage.gaussian_filter(pixels, (0.4, 1.1, 1.1, 0))
    frames, height, width, _ = video.shape
    blocks = pixels.reshape(frames, height // 4, 4, width // 4, 4, 3).mean((2, 4)).repeat(4, 1).repeat(4, 2)
    mixed = 0.7 * soft + 0.3 * blocks + rng.normal(0, 4, video.shape)
    return degraded_pixels(_uint8(mixed), "compression", 0.05, seed=0)


def doubled(scene: Scene) -> Video:
    """A second, equal subject half a frame away."""
    with_it, cover = _layers(scene)
    other = np.roll(with_it, 32, axis=2)
    return _uint8(np.where(np.roll(cover, 32, axis=2), other, with_it))


def vanishing(scene: Scene) -> Video:
    """The subject is gone in the second half."""
    with_it, _ = _layers(scene)
    with_it[5:] = _ground(scene)[5:]
    return _uint8(with_it)


def melting(scene: Scene) -> Video:
    """The picture is bent, more in each frame."""
    video = render(scene).astype(np.float32)
    y, x = np.mgrid[0:64, 0:64].astype(np.float32)
    for t in range(len(video)):
        bend = 0.9 * t * np.sin(y / 3.0 + t)
        for channel in range(3):
            video[t, ..., channel] = ndimage.map_coordinates(
                video[t, ..., channel], [y, x + bend], order=1, mode="nearest"
            )
    return _uint8(video)


def torn(scene: Scene) -> Video:
    """A band through the subject's middle shows the ground, in every other frame."""
    with_it, cover = _layers(scene)
    ground = _ground(scene)
    for t in range(0, len(with_it), 2):
        row = round(float(np.argwhere(cover[t, ..., 0])[:, 0].mean()))
        with_it[t, row - 2 : row + 3] = ground[t, row - 2 : row + 3]
    return _uint8(with_it)


def still(scene: Scene) -> Video:
    video = render(scene)
    return np.repeat(video[:1], len(video), axis=0)


def jumping(scene: Scene) -> Video:
    """Frames out of order."""
    return render(scene)[[0, 3, 1, 5, 2, 7, 4, 8, 6]]


def dull(scene: Scene) -> Video:
    """Half the colour is gone."""
    video = render(scene).astype(np.float32)
    return _uint8(0.5 * video + 0.5 * video.mean(3, keepdims=True))


def flat(scene: Scene) -> Video:
    """Hardly any light and shade."""
    video = render(scene).astype(np.float32)
    return _uint8(0.35 * video + 0.65 * video.mean((0, 1, 2)))


def _layers(scene: Scene) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    video = render(scene).astype(np.float32)
    return video, abs(video - _ground(scene)).max(3, keepdims=True) > 8


def _ground(scene: Scene) -> NDArray[np.float32]:
    """The scene without its subject, which is far outside."""
    return render(replace(scene, x=-300.0, y=-300.0)).astype(np.float32)


def _uint8(pixels: NDArray[np.floating]) -> Video:
    rounded: Video = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    return rounded
