"""Telling the person who launched a run that it failed: on the pages, and by mail."""

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.urls import NoReverseMatch, reverse
from django.utils import translation
from django.utils.translation import gettext as _

from workbench.models import Notice, Run

log = structlog.get_logger(__name__)


def run_failed(run: Run) -> None:
    """Within the transaction that fails the run: a notice; after its commit, a mail in their language."""
    person = run.created_by
    with translation.override(person.language):
        title = _("The run “%(name)s” failed") % {"name": run.name or f"{run.kind} {str(run.pk)[:8]}"}
        address = _address(run)
        text = f"{title}.\n\n{run.error}\n\n{settings.SITE_URL}{address}\n"
    first_line = next(iter(run.error.splitlines()), "")
    Notice.objects.create(user=person, text=f"{title}: {first_line}"[:300], url=address)
    if person.email and person.is_active:
        transaction.on_commit(lambda: _mail(person.email, title, text))


def _address(run: Run) -> str:
    try:
        return reverse("runs:run", args=[run.pk])
    except NoReverseMatch:
        return ""


def _mail(to: str, subject: str, text: str) -> None:
    try:
        send_mail(subject, text, settings.DEFAULT_FROM_EMAIL, [to])
    except Exception as error:  # noqa: BLE001 - a mail server's trouble is no trouble of the run
        log.warning("run_notice_not_mailed", error=str(error))
