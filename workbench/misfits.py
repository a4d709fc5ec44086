"""What pydantic says of a value that does not fit, in the reader's language; in English it is pydantic's own.

A kind of misfit that is not listed here is told in pydantic's English.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext, gettext_noop

_SENTENCES = {
    "missing": gettext_noop("Field required"),
    "extra_forbidden": gettext_noop("Extra inputs are not permitted"),
    "greater_than": gettext_noop("Input should be greater than %(gt)s"),
    "greater_than_equal": gettext_noop("Input should be greater than or equal to %(ge)s"),
    "less_than": gettext_noop("Input should be less than %(lt)s"),
    "less_than_equal": gettext_noop("Input should be less than or equal to %(le)s"),
    "int_type": gettext_noop("Input should be a valid integer"),
    "int_parsing": gettext_noop("Input should be a valid integer, unable to parse string as an integer"),
    "int_from_float": gettext_noop("Input should be a valid integer, got a number with a fractional part"),
    "float_type": gettext_noop("Input should be a valid number"),
    "float_parsing": gettext_noop("Input should be a valid number, unable to parse string as a number"),
    "bool_type": gettext_noop("Input should be a valid boolean"),
    "string_type": gettext_noop("Input should be a valid string"),
    "list_type": gettext_noop("Input should be a valid list"),
    "dict_type": gettext_noop("Input should be a valid dictionary"),
    "uuid_type": gettext_noop("UUID input should be a string, bytes or UUID object"),
    "uuid_parsing": gettext_noop("Input should be a valid UUID, %(error)s"),
    "literal_error": gettext_noop("Input should be %(expected)s"),
    "enum": gettext_noop("Input should be %(expected)s"),
}


def misfit_text(problem: Mapping[str, Any]) -> str:
    """One of a `ValidationError`'s `errors()` in words."""
    sentence = _SENTENCES.get(problem["type"])
    if sentence is None:
        return str(problem["msg"])
    try:
        return str(gettext(sentence) % problem.get("ctx", {}))
    except KeyError:
        return str(problem["msg"])
