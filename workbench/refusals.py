"""What a request may be refused for, with a code for programs and a sentence for people.

Raised by whatever knows the rule. Pages catch a refusal and show its sentence; the API answers it
(`answers.py`).
"""

from typing import Any, ClassVar


class Refusal(Exception):  # noqa: N818 (a refusal is an answer, not a failure)
    """A request that changes nothing. `code` is stable; `message` is in the reader's language.

    `where` is the part of the request it is about; further words go into the answer as they are.
    """

    status: ClassVar[int] = 400

    def __init__(self, code: str, message: str, *, where: str = "body", **detail: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.where = where
        self.detail = detail


class Missing(Refusal):
    """There is no such thing, or it is somebody else's: 404 either way."""

    status = 404


class Conflict(Refusal):
    """The thing has changed meanwhile, or its state does not allow this: 409."""

    status = 409


class Invalid(Refusal):
    """What was sent can't be accepted as it is: 422."""

    status = 422


class TooMany(Refusal):
    """It was asked too often: 429."""

    status = 429
