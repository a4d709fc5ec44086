"""Everything this app keeps as rows, gathered: whoever needs some imports it from here."""

from annotation.models.campaigns import (
    AnnotatorGroup,
    Campaign,
    CampaignTally,
    Dimension,
    GuidelineExample,
    Participation,
    Progress,
    Shortfall,
)
from annotation.models.clips import Clip, Rendition, VideoModel
from annotation.models.exchange import JudgementImport, PairVersion, PromptConsent
from annotation.models.ids import opaque_id
from annotation.models.judgements import Assignment, ClipFlag, Item, ItemClip, Judgement, PreferencePair
from annotation.models.prompts import Category, Prompt, PromptCandidate, PromptSet, PromptSketch, Task
from annotation.models.quality import Dispute, DisputesFound, GoldAnswer, GoldJudgement, QualityReport
from annotation.models.webhooks import Event, Webhook, WebhookDelivery

__all__ = [
    "AnnotatorGroup",
    "Assignment",
    "Campaign",
    "CampaignTally",
    "Category",
    "Clip",
    "ClipFlag",
    "Dimension",
    "Dispute",
    "DisputesFound",
    "Event",
    "GoldAnswer",
    "GoldJudgement",
    "GuidelineExample",
    "Item",
    "ItemClip",
    "Judgement",
    "JudgementImport",
    "PairVersion",
    "Participation",
    "PreferencePair",
    "Progress",
    "Prompt",
    "PromptCandidate",
    "PromptConsent",
    "PromptSet",
    "PromptSketch",
    "QualityReport",
    "Rendition",
    "Shortfall",
    "Task",
    "VideoModel",
    "Webhook",
    "WebhookDelivery",
    "opaque_id",
]
