"""Gold items and how they went, disputes, and the report on a campaign's people."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotation.models.campaigns import Campaign, Participation
from annotation.models.judgements import Item, Judgement


class GoldAnswer(models.Model):
    """The known answer of a gold item, for the dimensions it speaks of (gold.py)."""

    class Source(models.TextChoices):
        DEGRADED = "degraded", _("A degraded copy")
        CONSENSUS = "consensus", _("A judged item")
        KNOWN = "known", _("Scores that a manager knows")

    item = models.OneToOneField(Item, on_delete=models.CASCADE, primary_key=True, related_name="gold_answer")
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="gold_answers")
    # By dimension key: {"best": [ItemClip, ...], "worst": [...]} with either side or both, or {"tie": true};
    # of a Likert campaign {"expected": {ItemClip: score}, "tolerance": points}; of a good/same/bad one
    # {"verdict": "G" | "S" | "B"}, on the model under test.
    answers = models.JSONField()
    explanation_en = models.TextField(blank=True)
    explanation_zh = models.TextField(blank=True)
    source = models.CharField(max_length=9, choices=Source)
    # The judged item it repeats: who judged that one is not asked again.
    repeats = models.ForeignKey(
        Item, on_delete=models.SET_NULL, null=True, blank=True, related_name="gold_repeats"
    )
    active = models.BooleanField(default=True)  # False: no longer dealt
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["campaign", "item"], condition=Q(active=True), name="gold_dealt")
        ]

    def explanation(self, language: str) -> str:
        """The explanation in a language, or in the other one where it has none."""
        zh, en = self.explanation_zh, self.explanation_en
        return (zh or en) if language.startswith("zh") else (en or zh)


class GoldJudgement(models.Model):
    """How a person's first answer to a gold item compares with the known one."""

    judgement = models.OneToOneField(
        Judgement, on_delete=models.CASCADE, primary_key=True, related_name="gold"
    )
    gold = models.ForeignKey(GoldAnswer, on_delete=models.CASCADE, related_name="judged")
    participation = models.ForeignKey(Participation, on_delete=models.CASCADE, related_name="gold_judgements")
    right = models.JSONField()  # by dimension key: true or false; only those the gold answer speaks of
    share = models.FloatField()  # of those, how many are right: 0..1
    trial = models.BooleanField(default=False)  # part of the qualification round


class Dispute(models.Model):
    """An item whose judges disagree (disputes.py): found off-request, decided by an adjudication."""

    item = models.OneToOneField(Item, on_delete=models.CASCADE, primary_key=True, related_name="dispute")
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="disputes")  # the item's
    score = models.FloatField()  # the most disputed dimension's, 0..1
    by_dimension = models.JSONField()  # key: score
    judgements = models.PositiveSmallIntegerField()
    computed_at = models.DateTimeField(default=timezone.now)
    decision = models.OneToOneField(
        Judgement, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["campaign", "-score", "item"], condition=Q(decision=None), name="dispute_open"
            )
        ]


class DisputesFound(models.Model):
    """Up to when judgements have been looked through for disputes. One row."""

    through = models.DateTimeField()


class QualityReport(models.Model):
    """A campaign's annotators as quality/annotators.py found them, by a task; the latest only."""

    campaign = models.OneToOneField(
        Campaign, on_delete=models.CASCADE, primary_key=True, related_name="quality_report"
    )
    asked_at = models.DateTimeField(null=True, blank=True)  # while a task is to compute it anew
    computed_at = models.DateTimeField(null=True, blank=True)
    judgements = models.PositiveIntegerField(default=0)  # that it rests on
    report = models.JSONField(default=dict)  # quality.Report
