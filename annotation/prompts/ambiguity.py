"""Prompts that leave open what should be seen, found by a few rules that say why. Django-free.

A rule reads one text, English or Chinese, and gives the words it met. The rules are narrow on purpose: they
name what can be pointed at in the text, and a prompt they leave out can be taken back. What a rule can't know
is said beside it. Image-to-video prompts are about a picture that shows the subject: the rules that ask for
one are not for them.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

ALL_TASKS = frozenset({"t2v", "i2v"})
TEXT_ONLY = frozenset({"t2v"})


@dataclass(frozen=True)
class Rule:
    """`meets` gives the words of a text that break the rule, or ""."""

    name: str
    title_en: str
    title_zh: str
    explanation_en: str
    explanation_zh: str
    tasks: frozenset[str]
    meets: Callable[[str], str]


@dataclass(frozen=True)
class Hit:
    rule: Rule
    evidence: str
    """The words of the text, as they stand there."""


def first_hit(task: str, *texts: str) -> Hit | None:
    """The first of `RULES` that one of a prompt's texts breaks; None where all is clear."""
    for rule in RULES:
        if task in rule.tasks:
            for text in filter(None, texts):
                if met := rule.meets(text):
                    return Hit(rule, met)
    return None


# --- Placeholders left in ---------------------------------------------------------------------------------

_PLACEHOLDER = re.compile(
    r"""
    \{\{?\s*[^{}\d][^{}]*\}?\}                                   # {subject}, {{ animal }}
    | <[A-Za-z_][A-Za-z_ ]*>                                     # <name>
    | \[\s*(?:insert|your|placeholder|fill\ in|choose|todo)\b[^\]]*\]   # [insert animal]
    | \[[A-Z][A-Z_ ]{2,}\]                                       # [SUBJECT]
    | \$\{?[A-Za-z_]\w*\}?                                       # $subject
    | \b(?:TODO|TBD|FIXME|XXX+)\b
    | (?i:\blorem\ ipsum\b)
    | [【\[（(]\s*(?:请|此处|在此|待)[^】\])）]*[】\])）]              # 【请输入主体】
    | 某某 | 待定 | 占位符? | ××+
    """,
    re.VERBOSE,
)


def _placeholder(text: str) -> str:
    return _met(_PLACEHOLDER.search(text))


# --- Too short --------------------------------------------------------------------------------------------

_CHINESE_SIGN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_LATIN_WORD = re.compile(r"[^\W_\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+(?:['’-]\w+)*")
MIN_WORDS = 3
MIN_SIGNS = 4


def _too_short(text: str) -> str:
    words, signs = len(_LATIN_WORD.findall(text)), len(_CHINESE_SIGN.findall(text))
    enough = words >= MIN_WORDS or signs >= MIN_SIGNS or words + signs >= MIN_SIGNS
    return "" if enough else text.strip()


# --- Nothing to see: only praise, adjectives, technique ---------------------------------------------------

_PRAISE = frozenset(
    re.findall(
        r"\w+",
        """
        a an the and with in of very so really extremely highly super ultra most more
        beautiful stunning amazing gorgeous pretty lovely wonderful awesome epic breathtaking nice good great
        best perfect masterpiece elegant dreamy magical mysterious dramatic moody vivid vibrant colorful
        colourful bright dark soft warm cool realistic photorealistic hyperrealistic lifelike cinematic
        artistic aesthetic detailed intricate sharp crisp clear smooth high low quality resolution definition
        hd uhd fullhd 2k 4k 8k 16k 1080p 720p 60fps 30fps fps hdr raw style styled look mood atmosphere
        lighting rendering render professional
        award winning trending film grain video clip footage
        """,
    )
)
_CHINESE_PRAISE = re.compile(
    r"4K|8K|1080P|HDR|高清|超清|超高清|蓝光|画质|高质量|质量|高品质|品质|唯美|优美|美丽|漂亮|好看|绝美|精美|精致"
    r"|震撼|惊艳|壮观|梦幻|神秘|浪漫|温馨|治愈|电影感|电影级|电影|大片|质感|写实|逼真|真实|细腻|清晰|流畅|明亮|柔和"
    r"|风格|氛围感?|光影|光线|画面|视频|镜头感|艺术感?|高级感?|非常|十分|特别|极其|超级|最佳|最好|完美|杰作|感"
    r"|[的很超极和与、，。！,.!\s]",
    re.IGNORECASE,
)


def _nothing_to_see(text: str) -> str:
    words, signs = _LATIN_WORD.findall(text.casefold()), _CHINESE_SIGN.findall(text)
    if signs:
        return text.strip() if not _CHINESE_PRAISE.sub("", text).strip() else ""
    parts = [part for word in words for part in re.split(r"['’-]", word)]
    return text.strip() if parts and all(part in _PRAISE for part in parts) else ""


# --- Two opposite directions at once ----------------------------------------------------------------------

_OPPOSITES = (
    (r"(?:to\s+the\s+|toward(?:s)?\s+the\s+)?left(?:wards?)?", r"right(?:wards?)?(?!\s+of\b)"),
    (r"up(?:wards?)?", r"down(?:wards?)?"),
    (r"forwards?", r"backwards?"),
    (r"(?:zoom(?:s|ing)?\s+)in", r"out"),
    (r"clockwise", r"(?:counter-?|anti-?)clockwise"),
)
_MOVES = (
    r"(?:mov|pan|tilt|driv|run|walk|roll|fly|fli|slid|glid|drift|rotat|spin|turn|travel|head|zoom|go|fall|ris"
    r"|swim|float|truck|doll)\w*"
)
# Between the two only words that keep one thing moving: no new subject, no order in time.
_GAP = r"(?:\s*,\s*|\s+)"
_JOINED = rf"{_GAP}(?:(?:and|but|while|yet|also|simultaneously|to|the|towards?|it|{_MOVES}){_GAP})*"
_AT_ONCE = [
    re.compile(
        rf"\b{_MOVES}(?:\s+(?!from\b|between\b)[a-z]+)?\s+(?:{a}{_JOINED}{b}|{b}{_JOINED}{a})\b",
        re.IGNORECASE,
    )
    for a, b in ((rf"(?:{a})", rf"(?:{b})") for a, b in _OPPOSITES)
    if "zoom" not in a
] + [re.compile(rf"\bzoom(?:s|ing)?\s+in{_JOINED}out\b|\bzoom(?:s|ing)?\s+out{_JOINED}in\b", re.IGNORECASE)]
_CHINESE_MOVES = (
    r"(?:快速|缓慢|慢慢)?"
    r"(?:平移|移动|运动|移|走|跑|飞|滚动|滚|滑动|滑|转动|旋转|转|摇|行驶|游|推|拉)?(?:着|去)?"
)
_CHINESE_JOINED = r"[，、,\s]*(?:又|并且|并|且|而且|同时|和|也|镜头|它|其)*"
_CHINESE_AT_ONCE = [
    re.compile(f"[向往朝](?:{a}){_CHINESE_MOVES}{_CHINESE_JOINED}[向往朝]?(?:{b}){_CHINESE_MOVES}")
    for one, other in (("左", "右"), ("上", "下"), ("前", "后"))
    for a, b in ((one, other), (other, one))
] + [
    re.compile(
        f"(?:推近|拉近|推进){_CHINESE_JOINED}(?:拉远|推远)|(?:拉远|推远){_CHINESE_JOINED}(?:推近|拉近|推进)"
    )
]
_STILL = re.compile(
    r"\b(?:static|fixed|stationary|locked[- ]off)\s+(?:camera|shot)\b"
    r"|固定镜头|固定机位|静止镜头|镜头固定|镜头静止",
    re.IGNORECASE,
)
_CAMERA_MOVES = re.compile(
    r"\bcamera\s+(?:slowly\s+|quickly\s+)?(?:pans|zooms|tilts|orbits|follows|tracks|circles|dollies|pushes|moves)\b"
    r"|\b(?:tracking|dolly|crane|orbit)\s+shot\b"
    r"|镜头(?:缓缓|缓慢|快速|慢慢)?(?:推进|推近|拉近|拉远|平移|环绕|跟随|上摇|下摇|左移|右移|移动|旋转)",
    re.IGNORECASE,
)
_TO_AND_FRO = re.compile(
    r"\b(?:up\s+and\s+down|(?:for|back)wards?\s+and\s+(?:for|back)wards?)\b", re.IGNORECASE
)
_ORDER = re.compile(
    r"\b(?:then|before|after|afterwards|first|finally|later|until|next|back|again|repeatedly|alternately)\b"
    r"|先|再|然后|接着|之后|随后|最后|来回|反复|交替|直到|后[，,]",
    re.IGNORECASE,
)


def _opposite_directions(text: str) -> str:
    """ "Looks left and right" is a gesture, so only verbs of travel count; "up and down" is a swing.

    It can't know whom a verb belongs to.
    """
    for clause in re.split(r"[.;!?。；！？\n]", _TO_AND_FRO.sub("", text)):
        if _ORDER.search(clause):
            continue
        for pattern in (*_AT_ONCE, *_CHINESE_AT_ONCE):
            if met := pattern.search(clause):
                return met[0].strip()
    still, moves = _STILL.search(text), _CAMERA_MOVES.search(text)
    if still and moves and not _ORDER.search(text):
        return f"{still[0]} … {moves[0]}"
    return ""


# --- A pronoun for somebody who was not named -------------------------------------------------------------

_PRONOUN = re.compile(
    r"^\W*(?:(?:he|she|they|him|them)\b(?!\s*[/-])"
    r"|it\b(?!\s*(?:is|'s|’s|was|starts|begins|rains|snows|gets|grows)\b)"
    r"|(?:他们|她们|它们|他|她|它)(?!的|人|山|乡))[^,.;，。；]{0,40}",
    re.IGNORECASE,
)


def _unresolved_pronoun(text: str) -> str:
    """At the beginning only: further on it may have its subject. "It is raining" has nobody behind it."""
    return _met(_PRONOUN.match(text))


# --- Either of two things ---------------------------------------------------------------------------------

_EITHER = re.compile(
    r"\beither\b[^.;,]{1,60}\bor\b\s+\w+|\band\s*/\s*or\b"
    r"|\b(?:an?|one)\s+(?:\w+\s+)?\w+\s+or\s+(?:an?|one|perhaps|maybe)\s+\w+"
    r"|.{0,10}(?:或者|或是|抑或).{0,10}",
    re.IGNORECASE,
)


def _alternatives(text: str) -> str:
    return _met(_EITHER.search(text))


def _met(found: re.Match[str] | None) -> str:
    return found[0].strip() if found else ""


RULES: tuple[Rule, ...] = (
    Rule(
        name="placeholder",
        title_en="Placeholder left in",
        title_zh="留有占位符",
        explanation_en="A blank of a template was not filled in, so nobody knows what should be there.",
        explanation_zh="模板中的空位没有填写，无法知道这里应该是什么。",
        tasks=ALL_TASKS,
        meets=_placeholder,
    ),
    Rule(
        name="nothing_to_see",
        title_en="No subject",
        title_zh="没有主体",
        explanation_en="There are only adjectives and words of style or quality: nothing that could be seen.",
        explanation_zh="只有形容词、风格或画质用语，没有可以看到的事物。",
        tasks=ALL_TASKS,
        meets=_nothing_to_see,
    ),
    Rule(
        name="too_short",
        title_en="Too short",
        title_zh="太短",
        explanation_en="Fewer than three words, or four Chinese signs: too little to compare clips by.",
        explanation_zh="少于三个英文单词或四个汉字，不足以比较视频。",
        tasks=TEXT_ONLY,
        meets=_too_short,
    ),
    Rule(
        name="opposite_directions",
        title_en="Contradictory movement",
        title_zh="运动方向矛盾",
        explanation_en="One thing should move in opposite directions at once, or a fixed camera should move.",
        explanation_zh="同一事物要同时朝两个相反方向运动，或者固定镜头又要移动。",
        tasks=ALL_TASKS,
        meets=_opposite_directions,
    ),
    Rule(
        name="unresolved_pronoun",
        title_en="Pronoun without a subject",
        title_zh="代词没有指代对象",
        explanation_en="It begins with he, she, it or they, and nobody was named before.",
        explanation_zh="以“他”“她”“它”等代词开头，前面没有说明是谁或什么。",
        tasks=TEXT_ONLY,
        meets=_unresolved_pronoun,
    ),
    Rule(
        name="alternatives",
        title_en="Either of two things",
        title_zh="二者择一",
        explanation_en="It leaves a choice (this or that), so two clips may differ and both be right.",
        explanation_zh="让模型二选一（这个或者那个），两个不同的视频可能都对。",
        tasks=ALL_TASKS,
        meets=_alternatives,
    ),
)
