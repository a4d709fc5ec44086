"""What a request may be refused for, with a code for programs and a sentence for people."""

from typing import Any, ClassVar


class Refusal(Exception):  # noqa: N818 (a refusal is an answer, not a failure)
    """A request that changes nothing. `code` is stable; `message` is in the reader's language."""

    status: ClassVar[int] = 400

    def __init__(self, code: str, message: str, **detail: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.detail = detail

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message, "detail": self.detail}


class Missing(Refusal):
    """There is no such thing, or it is somebody else's: 404 either way."""

    status = 404


class Conflict(Refusal):
    """The thing has changed meanwhile, or its state does not allow this: 409."""

    status = 409


class Invalid(Refusal):
    """What was sent can't be accepted as it is: 422."""

    status = 422
