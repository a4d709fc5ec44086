"""Every text that people see is in the Chinese catalogue, translated, and compiled; nothing is hard-coded.

The texts are gathered from the sources here without GNU gettext: Python by its syntax tree, templates by
Django's own `templatize`. `make messages` does the same with xgettext.
"""

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import plotly
import polib
import pytest
from django.conf import settings
from django.utils import translation
from django.utils.translation.template import templatize
from pydantic import BaseModel, ValidationError

from workbench import charts
from workbench.misfits import misfit_text

ROOT = Path(settings.BASE_DIR)
APPS = ("workbench", "annotation", "arena", "rewardmodels", "generator")
PO = ROOT / "workbench" / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
CATALOGUE = polib.pofile(str(PO))

Key = tuple[str | None, str]
"""Context and English text."""

GLOSSARY = {
    r"clips?": "片段",
    r"campaigns?": "标注任务",
    r"prompts?": "提示词",
    r"checkpoints?": "检查点",
    r"dimensions?": "维度",
    r"video models?": "视频模型",
    r"preference pairs?": "偏好对",
}
NO_CHINESE_NEEDED = {"API", "CSV", "Parquet"}


def test_the_compiled_catalogue_is_that_of_the_texts() -> None:
    assert PO.with_suffix(".mo").read_bytes() == CATALOGUE.to_binary(), "run `make messages`"
    with translation.override("zh-hans"):
        assert translation.gettext("Log in") == "登录"


def test_every_text_of_the_sources_is_in_the_catalogue_and_no_other() -> None:
    wanted = {key for path in _sources("*.py") for key in _python_texts(path)}
    wanted |= {key for path in _templates() for key in _template_texts(path)}
    known = {(entry.msgctxt, entry.msgid) for entry in CATALOGUE}
    assert len(wanted) > 500
    assert wanted - known == set(), "run `make messages` and translate what is new"
    assert known - wanted == set(), "run `make messages`: these texts are no longer used"


def test_every_text_is_translated() -> None:
    assert [entry.msgid for entry in CATALOGUE if not entry.translated()] == []
    assert [entry.msgid for entry in CATALOGUE if entry.fuzzy] == []
    assert CATALOGUE.obsolete_entries() == []
    english = [
        entry.msgid
        for entry in CATALOGUE
        if not re.search(r"[\u4e00-\u9fff]", _chinese(entry)) and entry.msgid not in NO_CHINESE_NEEDED
    ]
    assert english == []


def test_the_places_of_a_text_are_those_of_its_translation() -> None:
    for entry in CATALOGUE:
        said, chinese = entry.msgid_plural or entry.msgid, _chinese(entry)
        assert _places(chinese) == _places(said)
        assert chinese.startswith("\n") == said.startswith("\n")
        assert chinese.endswith("\n") == said.endswith("\n")


def test_one_word_for_one_thing() -> None:
    other = []
    for entry in CATALOGUE:
        text = re.sub(r"%\(\w+\)\w|\{\w+\}|import_clips|prompt_zh|are prompt,", "", entry.msgid)
        other += [
            (entry.msgid, word)
            for english, word in GLOSSARY.items()
            if re.search(rf"\b{english}\b", text, re.IGNORECASE) and word not in _chinese(entry)
        ]
    assert other == []


def test_templates_hold_no_text_of_their_own() -> None:
    found = [(str(path.relative_to(ROOT)), text) for path in _templates() for text in _bare_texts(path)]
    assert found == [], "wrap these in {% translate %}"


def test_a_bare_text_in_a_template_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        '{% load i18n %}<p title="Look here">{% translate "Fine" %} {% if a %}Not fine{% endif %}</p>'
        '<button value="go" aria-label="{% translate \'Fine\' %}">{{ name|default:"Nobody here" }}</button>'
    )
    assert sorted(_bare_texts(page)) == ["Look here", "Nobody here", "Not fine"]


def test_scripts_hold_no_text_of_their_own() -> None:
    scripts = [path for app in APPS for path in sorted((ROOT / app).glob("static/**/*.js"))]
    assert scripts
    found = [(str(path.relative_to(ROOT)), text) for path in scripts for text in _sentences(path.read_text())]
    assert found == [], "hand these to the script from its template"


def test_a_sentence_in_a_script_is_found() -> None:
    script = "// It's a comment\nbox.textContent = `Step ${n} of many`; a('Save'); b(\"badge good\");"
    assert _sentences(script) == ["Step  of many", "Save"]


def test_forms_and_messages_hold_no_text_that_is_not_marked() -> None:
    rows = {"models.py", "models", "migrations"}
    paths = [path for path in _sources("*.py") if not rows & set(path.parts)]
    found = [(str(path.relative_to(ROOT)), text) for path in paths for text in _unmarked(path)]
    assert found == [], "wrap these in gettext"


def test_what_pydantic_says_is_the_same_in_english_and_said_in_chinese() -> None:
    class Form(BaseModel, extra="forbid"):
        number: int
        above: float
        words: list[str]

    with pytest.raises(ValidationError) as refused:
        Form.model_validate({"number": 1.5, "above": "x", "words": 3, "more": 1})
    problems = refused.value.errors()
    assert len(problems) == 4
    for problem in problems:
        with translation.override("en"):
            assert misfit_text(dict(problem)) == problem["msg"]
        with translation.override("zh-hans"):
            assert misfit_text(dict(problem)) != problem["msg"]


def test_the_words_for_charts_are_those_of_plotly() -> None:
    script = (Path(plotly.__file__).parent / "package_data" / "plotly.min.js").read_text(encoding="utf-8")
    assert [word for word in charts.words() if f'"{word}"' not in script] == []


# --- Gathering ----------------------------------------------------------------------------------------------

_PLAIN = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy"}
_IN_CONTEXT = {"pgettext", "pgettext_lazy", "npgettext", "npgettext_lazy"}
_STRING = r"""u?("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
_TEMPLATE_CALL = re.compile(rf"\b(_|gettext|ngettext|pgettext|npgettext)\(\s*{_STRING}(?:\s*,\s*{_STRING})?")


def _sources(pattern: str) -> Iterator[Path]:
    for app in APPS:
        yield from sorted((ROOT / app).rglob(pattern))


def _templates() -> list[Path]:
    return [path for path in _sources("*") if "templates" in path.parts and path.suffix in {".html", ".txt"}]


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _constant(node: ast.AST | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _python_texts(path: Path) -> Iterator[Key]:
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        first = _constant(node.args[0])
        if first is not None and _name(node) in _PLAIN:
            yield None, first
        elif first is not None and _name(node) in _IN_CONTEXT and (text := _constant(node.args[1])):
            yield first, text


def _template_texts(path: Path) -> Iterator[Key]:
    for name, first, second in _TEMPLATE_CALL.findall(templatize(path.read_text(), origin=str(path))):
        if name in _IN_CONTEXT:
            yield ast.literal_eval(first), ast.literal_eval(second)
        else:
            yield None, ast.literal_eval(first)


def _chinese(entry: polib.POEntry) -> str:
    return str(entry.msgstr_plural[0] if entry.msgid_plural else entry.msgstr)


def _places(text: str) -> list[str]:
    """%(name)s, %s, {name} and tags; what a translation must keep."""
    return sorted(set(re.findall(r"%\(\w+\)[\d.]*[a-z]|%[a-z]\b|\{\w+\}|</?\w+[^>]*>", text)))


# --- Texts that are not marked ------------------------------------------------------------------------------

_SAID_ALIKE = {"API", "SHA-256", "English", "openapi.json", "A", "B", "CSV", "JSON", "ECE", "Elo (", "p"}
_SAID_ALIKE |= {"PNG", "SVG", "PDF", "Likert", "GSB", "G", "S", "US$", "(G − B) / N", "(G + S) / (B + S)"}
_UNITS = {"s"}
_SHOWN_ATTRIBUTES = {"title", "aria-label", "placeholder", "alt", "label", "data-text"}
_NOT_READ = {"script", "style", "code", "pre", "kbd"}


class _Reader(HTMLParser):
    """Collects text nodes and attributes that people see."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in _NOT_READ
        self.texts += [value or "" for name, value in attrs if name in _SHOWN_ATTRIBUTES]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in _NOT_READ

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.texts.append(data)


def _bare_texts(path: Path) -> list[str]:
    source = path.read_text()
    source = re.sub(r"\{#.*?#\}|\{% comment.*?endcomment %\}", "", source, flags=re.DOTALL)
    source = re.sub(r"\{% block main_class %\}[\w ]*", "", source)
    source = re.sub(r"\{% blocktrans.*?endblocktrans(late)? %\}", "", source, flags=re.DOTALL)
    defaults = re.findall(r"""\|(?:default|default_if_none|yesno):["']([^"']*)["']""", source)
    reader = _Reader()
    reader.feed(re.sub(r"\{%.*?%\}|\{\{.*?\}\}", "\n", source, flags=re.DOTALL))
    lines = [line.strip() for text in reader.texts for line in text.splitlines()]
    return [
        text
        for text in [*lines, *defaults]
        if re.search(r"[A-Za-z]", text) and text not in _SAID_ALIKE and text.strip(" ,·×%") not in _UNITS
    ]


_LITERAL = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`""", re.DOTALL
)
_KEYS = re.compile(r"(Key|Arrow|Digit|Numpad|Bracket)\w*|Home|End|Enter|Escape|Space|Comma|Period|Slash")


def _sentences(script: str) -> list[str]:
    """Literals that begin with a capital and a small letter, as words for people do."""
    literals = (re.sub(r"\$\{[^}]*\}", "", "".join(groups)) for groups in _LITERAL.findall(script))
    words = (text for text in literals if re.match(r"\s*[A-Z][a-z]", text))
    return [text for text in words if not _KEYS.fullmatch(text) and "-" not in text]


_REFUSING = {"add_error", "ValidationError", "Conflict", "Invalid", "Missing"}
_SHOWN_KEYWORDS = {"label", "help_text", "empty_label", "legend"}


def _unmarked(path: Path) -> Iterator[str]:
    """String literals handed to forms and messages as they are."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        given = [keyword.value for keyword in node.keywords if keyword.arg in _SHOWN_KEYWORDS]
        message = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "messages"
        if message or _name(node) in _REFUSING:
            given += node.args[:1] if _name(node).endswith("Error") else node.args[-1:]
        for value in given:
            if (text := _constant(value)) or isinstance(value, ast.JoinedStr):
                yield text or ast.unparse(value)
