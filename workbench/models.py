"""People, tokens, the audit trail, and runs. What spans rows has a module of its own."""

import hashlib
import secrets
import uuid
from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser, UserManager
from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    ANNOTATOR = "annotator", _("Annotator")
    EXPERT = "expert", _("Film expert")
    ENGINEER = "engineer", _("Engineer")
    MANAGER = "manager", _("Manager")


class User(AbstractUser):
    """A person. What a role may do is said in one place: `workbench/access.py`."""

    email = models.EmailField(_("email address"), unique=True)
    role = models.CharField(_("role"), max_length=12, choices=Role, default=Role.ANNOTATOR)
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES, default="en")
    # What exports show instead of a name; says nothing about the person and survives erasure.
    pseudonym = models.CharField(max_length=16, unique=True, editable=False)
    erased_at = models.DateTimeField(null=True, blank=True, editable=False)
    # A program in a person's place, for tests, demos and rehearsals: all it judges or votes is marked so.
    simulated = models.BooleanField(default=False, editable=False)

    objects: ClassVar = UserManager()

    class Meta:
        ordering: ClassVar[list[str]] = ["username"]

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self.pseudonym:
            self.pseudonym = f"p-{secrets.token_hex(6)}"
        super().save(*args, **kwargs)


def hash_token(token: str) -> str:
    """Tokens are 256 random bits, so a plain SHA-256 is enough to keep them unreadable in the database."""
    return hashlib.sha256(token.encode()).hexdigest()


class Invitation(models.Model):
    """An address asked to join under a role. The link's token is kept as a hash only."""

    email = models.EmailField()
    role = models.CharField(max_length=12, choices=Role)
    language = models.CharField(max_length=10, choices=settings.LANGUAGES, default="en")
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="invitations_sent"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    user = models.OneToOneField(
        User, on_delete=models.CASCADE, null=True, blank=True, related_name="invitation"
    )

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at"]

    @property
    def open(self) -> bool:
        return self.accepted_at is None and self.expires_at > timezone.now()


class ApiToken(models.Model):
    """A bearer token of the API, acting as its user. Shown once at its making; only a hash is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12)
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at"]

    @classmethod
    def mint(cls, user: User, name: str, days: int | None = None) -> tuple["ApiToken", str]:
        """Make a token; returns the row and the secret, which can't be had again."""
        secret = f"wb_{secrets.token_urlsafe(32)}"
        expires = timezone.now() + timedelta(days=days) if days else None
        row = cls.objects.create(
            user=user, name=name, prefix=secret[:8], token_hash=hash_token(secret), expires_at=expires
        )
        return row, secret


class AuditEntry(models.Model):
    """Who did what to which thing. A database trigger refuses changes and removals."""

    at = models.DateTimeField(default=timezone.now, db_index=True)
    actor = models.ForeignKey(
        User, on_delete=models.DO_NOTHING, null=True, db_constraint=False, related_name="+"
    )
    action = models.CharField(max_length=60, db_index=True)
    subject_type = models.CharField(max_length=40, blank=True)
    subject_id = models.CharField(max_length=64, blank=True)
    detail = models.JSONField(default=dict)
    ip = models.GenericIPAddressField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["subject_type", "subject_id"])]


class Notice(models.Model):
    """Something a person should know (a run failed, an export is ready); shown on pages."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notices")
    text = models.CharField(max_length=300)
    url = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]


# --- Runs -------------------------------------------------------------------------------------------------


class RunState(models.TextChoices):
    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    SUCCEEDED = "succeeded", _("Succeeded")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


class Run(models.Model):
    """A long job. This row is the truth; the Celery message only wakes a worker (see `workbench/runs/`)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=40, db_index=True)
    name = models.CharField(max_length=120, blank=True)
    config = models.JSONField()
    state = models.CharField(max_length=10, choices=RunState, default=RunState.QUEUED, db_index=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="runs")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    parent = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="children"
    )

    attempt = models.PositiveIntegerField(default=0)
    # Attempts since the last recorded checkpoint: a run that keeps dying without progress is given up.
    fruitless_attempts = models.PositiveIntegerField(default=0)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    woken_at = models.DateTimeField(null=True, blank=True)  # when a message was last sent for it
    worker = models.CharField(max_length=120, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)

    step = models.PositiveBigIntegerField(default=0)
    total_steps = models.PositiveBigIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    # Bytes of this attempt's event stream that are saved: a repeated save saves nothing twice.
    events_offset = models.PositiveBigIntegerField(default=0)
    result = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    idempotency_key = models.CharField(max_length=80, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["created_by", "idempotency_key"],
                condition=~models.Q(idempotency_key=""),
                name="run_once_per_idempotency_key",
            )
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["state", "lease_expires_at"]),
            models.Index(fields=["kind", "-created_at"]),
        ]

    @property
    def ended(self) -> bool:
        return self.state in {RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED}


class Metric(models.Model):
    """One value of a curve. `id` grows with the order of saving, so pages ask for what came after an id."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="metrics")
    step = models.PositiveBigIntegerField()
    name = models.CharField(max_length=80)
    value = models.FloatField()
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["run", "step", "name"], name="metric_once_per_step")
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["run", "id"])]


class RunEvent(models.Model):
    """What happened in a run besides metrics: log lines, samples, state changes; in order."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events")
    attempt = models.PositiveIntegerField()
    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=12)  # log, sample, checkpoint, state
    level = models.CharField(max_length=8, default="info")
    text = models.TextField(blank=True)
    data = models.JSONField(default=dict)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["run", "id"])]


class Artifact(models.Model):
    """A file that a run made, in storage under its SHA-256. Equal files share one stored object."""

    class Kind(models.TextChoices):
        CHECKPOINT = "checkpoint", _("Checkpoint")
        SAMPLE = "sample", _("Sample")
        FILE = "file", _("File")

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="artifacts")
    attempt = models.PositiveIntegerField()
    kind = models.CharField(max_length=12, choices=Kind)
    name = models.CharField(max_length=200)  # e.g. step-000100/model.safetensors
    step = models.PositiveBigIntegerField(null=True, blank=True)
    final = models.BooleanField(default=False)
    sha256 = models.CharField(max_length=64, db_index=True)
    size = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    # Set when retention removed the stored bytes; the row stays as a record.
    pruned_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["run", "kind", "name"], name="artifact_once_per_name")
        ]

    @property
    def storage_name(self) -> str:
        return f"artifacts/{self.sha256[:2]}/{self.sha256}"
