"""Reading answers from decoded JSON, strictly: what does not fit is an error that says where."""


class AnswersError(ValueError):
    """The JSON is not of the form that is read; the message says where, what was expected and given."""


def mapping(data: object, at: str, keys: set[str] | None = None) -> dict[str, object]:
    """An object, with exactly these keys where they are named."""
    if not isinstance(data, dict):
        raise AnswersError(f"{at}: expected an object, got {shown(data)}")
    if keys is not None and set(data) != keys:
        raise AnswersError(f"{at}: expected the keys {', '.join(sorted(keys))}, got {shown(list(data))}")
    return data


def listed(data: object, at: str) -> list[object]:
    if not isinstance(data, list):
        raise AnswersError(f"{at}: expected a list, got {shown(data)}")
    return data


def text(data: object, at: str) -> str:
    if not isinstance(data, str):
        raise AnswersError(f"{at}: expected a string, got {shown(data)}")
    return data


def shown(data: object) -> str:
    """What was given, for an error's message."""
    return f"{data!r:.120}"
