"""Prompts that users let us have (§4.4.1): with their consent, into a list for review, and back out of it.

A shared prompt is a `PromptCandidate` of the set `SET`, left out until somebody takes it in: the reason is
`reasons.REVIEW`, or the filter's where the filter would not have it anyway. `PromptConsent` says that, when,
where and to which sentence somebody agreed; it holds no text. Of a visitor it holds nothing: the consent's id
is their receipt, and whoever has it can withdraw. Of somebody who is signed in it holds the account, so that
they find their prompts again.

Withdrawing deletes the candidate, and takes the prompt out of the set if it was taken in; a prompt that
nothing else uses is deleted too. What it was used for meanwhile stays: clips that were made of it say so.
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import ProtectedError, QuerySet
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from annotation.models import PromptCandidate, PromptConsent
from annotation.prompts import collecting, identity, promptsets, reasons
from workbench.models import User
from workbench.refusals import Conflict, Invalid, Missing

SET = "from-users"
"""The slug of the set “From users”."""
WORDING = "2026-1"
"""Changes whenever what is agreed to (`sentence`) says something else."""
MOST_WAITING = 20_000
Place = PromptConsent.Place


def sentence() -> str:
    """What is agreed to, in the reader's language."""
    return _(
        "These texts may be kept, read by the people who run this workbench, and used as prompts for making "
        "and judging clips and for training. Your name is not kept with them, pictures are not kept, and you "
        "can withdraw at any time under “Prompts that you shared”."
    )


@dataclass(frozen=True)
class Withdrawn:
    """``in_use``: the prompt is left, since clips, items or battles are of it."""

    consent: PromptConsent
    in_use: bool


def share(texts: Sequence[str], place: str, user: User | None) -> list[PromptConsent]:
    """Keep texts for review, each with a consent of its own. Call it only where somebody has agreed.

    Raises Invalid `no_prompt` (empty, too long, not text) or `enough` (too many wait for review).
    """
    tidy = list(dict.fromkeys(identity.tidy(text) for text in texts))
    if not all(0 < len(text) <= identity.TEXT_LENGTH and "\0" not in text for text in tidy):
        message = _("A prompt has 1 to %(most)d characters.") % {"most": identity.TEXT_LENGTH}
        raise Invalid("no_prompt", message, where="body.text")
    if waiting().count() + len(tidy) > MOST_WAITING:
        raise Invalid("enough", _("So many prompts wait for review that no more are taken now."))
    records = [{_language_of(text): text} for text in tidy]
    with transaction.atomic():
        prompt_set = promptsets.named("From users")
        told = {
            line.text_en or line.text_zh: line
            for line in collecting.preview(json.dumps(records), prompt_set.slug).lines
        }
        consents = []
        for text in tidy:
            line = told[text]
            candidate, _new = PromptCandidate.objects.get_or_create(
                prompt_set=prompt_set,
                fingerprint=identity.fingerprint("t2v", line.text_en, line.text_zh),
                defaults={
                    "text_en": line.text_en,
                    "text_zh": line.text_zh,
                    "source": place,
                    "reason": line.reason or reasons.REVIEW,
                    "evidence": line.evidence,
                    "resemblance": line.resemblance,
                },
            )
            consents.append(
                PromptConsent.objects.create(
                    place=place,
                    wording=WORDING,
                    language=(get_language() or "en")[:10],
                    candidate=candidate,
                    user=user,
                )
            )
    return consents


def withdraw(consent_id: uuid.UUID) -> Withdrawn:
    """Take a consent back; twice is as once. Raises Missing."""
    with transaction.atomic():
        rows = PromptConsent.objects.select_for_update(of=("self",)).select_related("candidate__prompt_set")
        consent = rows.filter(pk=consent_id).first()
        if consent is None:
            raise Missing("no_such_consent", _("There is no such receipt."))
        if consent.withdrawn_at is not None:
            return Withdrawn(consent, in_use=False)
        candidate = consent.candidate
        consent.withdrawn_at, consent.candidate = timezone.now(), None
        consent.save(update_fields=["withdrawn_at", "candidate"])
        others = candidate is not None and candidate.consents.filter(withdrawn_at=None).exists()
        in_use = _forget(candidate) if candidate is not None and not others else False
    return Withdrawn(consent, in_use)


def of_user(user: User) -> QuerySet[PromptConsent]:
    """What somebody shared while signed in and has not withdrawn, the newest first."""
    return _standing().filter(user=user)


def of_receipts(receipts: Sequence[uuid.UUID]) -> QuerySet[PromptConsent]:
    """What these receipts are for and is not withdrawn, the newest first."""
    return _standing().filter(pk__in=receipts)


def receipt(text: str) -> uuid.UUID:
    """A receipt as somebody typed it. Raises Missing; Conflict `withdrawn`."""
    try:
        found = PromptConsent.objects.filter(pk=uuid.UUID(text.strip())).first()
    except ValueError:
        found = None
    if found is None:
        raise Missing("no_such_consent", _("There is no such receipt."))
    if found.withdrawn_at is not None:
        raise Conflict("withdrawn", _("This was withdrawn already."))
    return found.pk


def waiting() -> QuerySet[PromptCandidate]:
    """What users shared and nobody has taken in."""
    return PromptCandidate.objects.filter(prompt_set__slug=SET, prompt=None)


def _standing() -> QuerySet[PromptConsent]:
    rows = PromptConsent.objects.filter(withdrawn_at=None).select_related("candidate")
    return rows.order_by("-given_at", "-pk")


def _forget(candidate: PromptCandidate) -> bool:
    """Delete a candidate and, where nothing else needs it, its prompt; True if something does."""
    prompt = candidate.prompt
    prompt_set = candidate.prompt_set
    candidate.delete()
    if prompt is None:
        return False
    prompt.prompt_sets.remove(prompt_set)
    if prompt.prompt_sets.exists() or prompt.candidates.exists() or prompt.clips.exists():
        return True
    try:
        with transaction.atomic():
            prompt.delete()
    except ProtectedError:
        return True
    return False


def _language_of(text: str) -> str:
    return "text_zh" if any("\u3400" <= letter <= "\u9fff" for letter in text) else "text_en"
