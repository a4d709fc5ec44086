"""Pages for what went wrong, in the page frame; under /api/, JSON like every other error there."""

import structlog
from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

log = structlog.get_logger(__name__)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    said = _("Go back and try again.")
    if isinstance(exception, TooManyFilesSent):
        said = _("At most %(count)s files can be sent at once. Send fewer at a time.") % {
            "count": settings.DATA_UPLOAD_MAX_NUMBER_FILES
        }
    elif isinstance(exception, RequestDataTooBig):
        said = _("What was sent is too large: at most %(count)s MB besides files.") % {
            "count": settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 2**20
        }
    return _answer(request, 400, _("This request can't be understood"), said)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    said = str(exception or "") or _("Your role does not allow this.")
    return _answer(request, 403, _("Not allowed"), said)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    said = _("There is nothing at this address, or it is not yours to see.")
    return _answer(request, 404, _("Not found"), said)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    log.warning("csrf_failure", reason=reason, path=request.path)
    said = _(
        "The page was open for too long, or cookies are blocked. Go back, reload the page and try again."
    )
    return _answer(request, 403, _("This form has expired"), said)


def server_error(request: HttpRequest) -> HttpResponse:
    said = _("The error is in the log. Try again; if it happens again, tell the person who runs this site.")
    try:
        return _answer(request, 500, _("Something went wrong here"), said)
    except DatabaseError:  # the frame shows who is logged in, which may be the very thing that failed
        return HttpResponse(
            f"{_('Something went wrong here')}. {said}", status=500, content_type="text/plain"
        )


def _answer(request: HttpRequest, status: int, title: str, said: str) -> HttpResponse:
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": said}, status=status)
    return render(
        request, "workbench/error.html", {"error_title": title, "said": said, "status": status}, status=status
    )
