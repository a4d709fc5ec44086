"""Pages for people who label. The labelling page talks to the API; see `static/annotation/label.js`."""

import uuid

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_safe

from annotation.campaigns import examples, lifecycle
from annotation.campaigns.rubric import SCALE
from annotation.labelling import label_texts, page
from annotation.models import Campaign, Clip
from workbench import media
from workbench.access import SignedInRequest, may, needs
from workbench.home import Section


@require_GET
@needs("label")
def label_home(request: SignedInRequest) -> HttpResponse:
    return render(request, "annotation/label_home.html", {"campaigns": lifecycle.open_to(request.user)})


@require_GET
@needs("label")
def label(request: SignedInRequest, campaign_id: uuid.UUID) -> HttpResponse:
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    if not lifecycle.invited(campaign, request.user) or campaign.state == Campaign.State.DRAFT:
        raise Http404
    context = {
        "campaign": campaign,
        "examples": examples.of_campaign(campaign),
        "skip_reasons": label_texts.skip_reasons(),
        "flag_reasons": label_texts.flag_reasons(),
        "texts": label_texts.texts(campaign.protocol),
        "scale": SCALE,
        "settings": {
            "campaign": str(campaign.pk),
            "person": request.user.pseudonym,
            "protocol": campaign.protocol,
        },
    }
    return render(request, "annotation/label.html", context)


@require_safe
@needs("label", token=True)
def label_media(request: SignedInRequest, item_clip_id: uuid.UUID) -> HttpResponseBase:
    """A clip of an item, as judged: to whoever has the item, and to those who look after campaigns."""
    rendition = page.rendition_for(item_clip_id, request.user)
    if rendition is None:
        raise Http404
    return media.serve(request, rendition.file, "video/mp4")


@require_safe
@needs("label", token=True)
def label_first_frame(request: SignedInRequest, assignment_id: uuid.UUID) -> HttpResponseBase:
    """The picture that the clips of an item start from: to whom its clips are shown."""
    picture = page.first_frame_for(assignment_id, request.user)
    if picture is None:
        raise Http404
    return media.serve(request, picture, "image/png")


def home_section(request: HttpRequest) -> Section | None:
    """For the home page: campaigns to label; for those who look after them, how far each is."""
    user = request.user
    if not may(user, "label"):
        return None
    looks_after = may(user, "campaigns.view")
    context = {
        "open": list(lifecycle.open_to(user)[:8]),  # type: ignore[arg-type]
        "looks_after": looks_after,
        "may_manage": may(user, "campaigns.manage"),
    }
    if looks_after:
        context |= {
            "campaigns": list(
                Campaign.objects.exclude(state=Campaign.State.CLOSED).prefetch_related("participations")[:8]
            ),
            "any_clips": Clip.objects.exists(),
        }
    return Section("annotation/home_section.html", context)
