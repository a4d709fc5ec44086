"""What this app forgets of a person who is erased; their judgements stay."""

from django.db.models.functions import Now

from annotation.labelling import queue
from annotation.models import Assignment, Shortfall
from workbench.models import User


def forget(person: User) -> None:
    """Out of groups and campaigns; what is in work goes back; what was written freely is dropped."""
    person.annotator_groups.clear()
    person.campaigns.clear()
    Shortfall.objects.filter(annotator=person, ended_at=None).update(ended_at=Now())
    in_work = Assignment.objects.filter(annotator=person, state__in=("leased", "held"))
    campaigns = set(in_work.values_list("campaign", flat=True))
    in_work.update(expires_at="2000-01-01T00:00Z", draft={})
    for campaign in campaigns:
        queue.release_expired(campaign)
    Assignment.objects.filter(annotator=person).exclude(draft={}).update(draft={})
    Assignment.objects.filter(annotator=person).exclude(skip_reason="").update(skip_reason="")
