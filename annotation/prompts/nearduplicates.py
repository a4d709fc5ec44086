"""Near-duplicates among short texts, Django-free: MinHash bands find the candidates, exact overlap decides.

A text is folded (case, width and punctuation don't count; letters of every script stay) and cut into pieces:
three signs in a row, two where most signs are Chinese. How alike two texts are is the Jaccard index of their
pieces, in [0, 1]. Comparing each with each would be quadratic, so a text also gets a sketch (Broder, "On the
resemblance and containment of documents", 1997): `BANDS` keys of `ROWS` minimum hashes each. Texts with a key
in common are compared; two that are 0.75 alike miss each other with probability (1 - 0.75^5)^20 = 0.5 %.

Prompts of a benchmark often differ in one telling word on purpose: "… to the left" and "… to the right" are
nearly the same signs and not at all the same prompt. Texts that differ in a number, a direction, a colour, a
size, a speed or a negation, or that name one thing in place of another (a cat for a dog), are therefore never
near-duplicates: what is found differs in form, small words, endings, or by words that only came in addition.

Left out on purpose: meaning. A paraphrase in other words is not found.
"""

import hashlib
import re
import unicodedata
import zlib
from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

THRESHOLD = 0.75
BANDS = 20
ROWS = 5

_CHINESE = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_CHINESE}]|[^\W_{_CHINESE}]+")
_ENGLISH_TELLING = frozenset(
    re.findall(
        r"\w+",
        """
        left right up down upward upwards downward downwards out inside outside forward forwards backward
        backwards above below under over behind front north south east west clockwise counterclockwise toward
        towards away into
        zero one two three four five six seven eight nine ten dozen hundred first second third single double
        red orange yellow green blue purple violet pink brown black white grey gray golden silver
        small large big tiny huge slow slowly fast quickly no not never without before after
        """,
    )
)
_CHINESE_TELLING = frozenset(
    "左右上下前后里外内东南西北顺逆近远零一二两三四五六七八九十百千红橙黄绿蓝紫粉棕黑白灰金银大小快慢不没无未"
)


_SMALL_WORDS = frozenset(
    re.findall(
        r"\w+", "a an the its his her their this that of in on at as to with while and is are was were by"
    )
) | frozenset("的地得着了过在是和把被这那")


def fold(text: str) -> str:
    """The text in words with single spaces between them; each Chinese sign is a word.

    NFKC, case folded, punctuation dropped.
    """
    return " ".join(_words(text))


def resemblance(one: str, other: str) -> float:
    """The Jaccard index of the pieces of two texts, in [0, 1]; 0 where either has none."""
    return _jaccard(_pieces(one), _pieces(other))


def sketch(text: str) -> list[int]:
    """`BANDS` signed 64-bit keys, the same on every machine; none for a text without letters or digits."""
    pieces = _pieces(text)
    if not pieces:
        return []
    hashed = np.array([zlib.crc32(piece.encode()) for piece in pieces], dtype=np.uint64)
    with np.errstate(over="ignore"):  # arithmetic modulo 2^64 is meant
        mixed = (hashed[:, None] * _FACTORS + _OFFSETS) >> np.uint64(32)
    least = mixed.min(axis=0).astype("<u4").reshape(BANDS, ROWS)
    return [_key(bytes([band]) + row.tobytes()) for band, row in enumerate(least)]


def told_apart(one: str, other: str) -> bool:
    """True where the telling words differ, or come in another order, or one thing stands for another."""
    return _told_apart(_Said(one), _Said(other))


Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Near(Generic[Key]):
    """What a text is a near-duplicate of, and how alike they are."""

    key: Key
    resemblance: float


class NearIndex(Generic[Key]):
    """Texts to compare with, by key. A text in two languages is near another if it is so in either one.

    Looking up costs by the texts that share a band, not by all that are in here.
    """

    def __init__(self, threshold: float = THRESHOLD) -> None:
        self._threshold = threshold
        self._texts: dict[Key, tuple[str, ...]] = {}
        self._said: dict[Key, tuple[_Said, ...]] = {}
        self._in_band: dict[int, list[Key]] = defaultdict(list)

    def __contains__(self, key: Key) -> bool:
        return key in self._texts

    def add(self, key: Key, texts: tuple[str, ...], bands: Iterable[int]) -> None:
        """Take a text in: the same text in each language, in a fixed order, "" where it has none."""
        self._texts[key] = texts
        self._said[key] = tuple(map(_Said, texts))
        for band in bands:
            self._in_band[band].append(key)

    def texts(self, key: Key) -> tuple[str, ...]:
        return self._texts[key]

    def find(self, texts: tuple[str, ...], bands: Iterable[int]) -> Near[Key] | None:
        """The one most alike (the first taken in, of several), or None where none is near enough."""
        candidates = dict.fromkeys(key for band in bands for key in self._in_band.get(band, ()))
        said = tuple(map(_Said, texts))
        best: Near[Key] | None = None
        for key in candidates:
            for mine, theirs in zip(said, self._said[key], strict=True):
                if mine.telling != theirs.telling:  # cheaper, and in templated prompts nearly all
                    continue
                alike = _jaccard(mine.pieces, theirs.pieces)
                if alike < self._threshold or (best is not None and alike <= best.resemblance):
                    continue
                if not _told_apart(mine, theirs):
                    best = Near(key, alike)
        return best


class _Said:
    """A text as it is compared: its pieces, its telling words in order, and its other words of weight."""

    __slots__ = ("pieces", "telling", "words")

    def __init__(self, text: str) -> None:
        words = _words(text)
        self.pieces = _pieces(text)
        self.telling = tuple(word for word in words if _tells(word))
        self.words = frozenset(words) - _SMALL_WORDS


def _told_apart(one: _Said, other: _Said) -> bool:
    if one.telling != other.telling:
        return True
    gone, come = one.words - other.words, other.words - one.words
    # "runs" and "running" begin alike; "cat" and "dog" don't.
    return bool(gone and come) and not any(a[:3] == b[:3] for a in gone for b in come)


def _tells(word: str) -> bool:
    return word in _ENGLISH_TELLING or word in _CHINESE_TELLING or any(sign.isdigit() for sign in word)


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _pieces(text: str) -> frozenset[str]:
    words = _words(text)
    chinese = sum(len(word) == 1 and re.match(f"[{_CHINESE}]", word) is not None for word in words)
    # Chinese words run on; others keep the space between them, which tells "a long" from "along".
    size, joined = (2, "".join(words)) if 2 * chinese > len(words) else (3, " ".join(words))
    if not joined:
        return frozenset()
    return frozenset(joined[start : start + size] for start in range(max(1, len(joined) - size + 1)))


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared) if shared else 0.0


def _key(material: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(material, digest_size=8).digest(), "little", signed=True)


def _constants(name: str) -> npt.NDArray[np.uint64]:
    """Fixed numbers rather than a generator's: sketches are stored, so every version must make the same."""
    drawn = [_key(f"{name} {place}".encode()) & (2**64 - 1) for place in range(BANDS * ROWS)]
    return np.array(drawn, dtype=np.uint64)


_FACTORS = _constants("factor") | np.uint64(1)
_OFFSETS = _constants("offset")
