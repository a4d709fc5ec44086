"""What goes out of campaigns and what came into the workbench from elsewhere, as rows."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class PairVersion(models.Model):
    """Preference pairs as they were at a moment, under a name: never changed, whatever is corrected later.

    Asked for by a row without a file; the file is made once, by `pairversions.make`, and stays.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    campaigns = models.ManyToManyField("annotation.Campaign", related_name="pair_versions")
    until = models.DateTimeField()  # the judgements that were current then
    dimensions = models.JSONField(default=list)  # keys; empty for all
    include_broken = models.BooleanField(default=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    made_at = models.DateTimeField(null=True, blank=True)
    # Over the sorted identities of its pairs: pairversions.digest_of.
    sha256 = models.CharField(max_length=64, blank=True, db_index=True)
    count = models.PositiveBigIntegerField(default=0)
    judgements = models.PositiveBigIntegerField(default=0)  # those without a pair too: ties teach as well
    file = models.FileField(upload_to="pair_versions/", max_length=200, blank=True)  # JSON lines, gzip
    size = models.PositiveBigIntegerField(default=0)  # bytes of the file
    judgement_ids = models.FileField(upload_to="pair_versions/", max_length=200, blank=True)  # one a line

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at", "-id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["-created_at", "-id"], name="pair_version_newest")
        ]


class JudgementImport(models.Model):
    """Judgements that were made elsewhere: all those of its campaign, and only those."""

    class Format(models.TextChoices):
        LABEL_STUDIO = "label_studio", _("Label Studio (JSON)")
        VIDEO_ALIGN = "video_align", _("Table of pairs (VideoAlign CSV)")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    format = models.CharField(max_length=12, choices=Format)
    source = models.CharField(max_length=200)  # the file's name
    sha256 = models.CharField(max_length=64)  # of the file
    campaign = models.OneToOneField(
        "annotation.Campaign", on_delete=models.CASCADE, related_name="judgement_import"
    )
    report = models.JSONField()  # as imports.Report.to_json tells it
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["format", "sha256"], name="judgements_imported_once")
        ]


class PromptConsent(models.Model):
    """Somebody agreed that a prompt of theirs may be used. Holds no text, and of a visitor nothing at all.

    The id is the receipt: whoever has it can withdraw.
    """

    class Place(models.TextChoices):
        PLAYGROUND = "playground", _("Generate page")
        ARENA = "arena", _("Arena")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    place = models.CharField(max_length=12, choices=Place)
    wording = models.CharField(max_length=20)  # which sentence was agreed to: sharing.WORDING
    language = models.CharField(max_length=10)  # it was shown in
    candidate = models.ForeignKey(
        "annotation.PromptCandidate", on_delete=models.SET_NULL, null=True, related_name="consents"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="prompt_consents"
    )  # who was signed in; null for a visitor
    given_at = models.DateTimeField(default=timezone.now)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
