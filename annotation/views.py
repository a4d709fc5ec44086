"""Pages for people who label. The labelling page talks to the API; see `static/annotation/label.js`."""

import uuid

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_safe

from annotation import campaigns, examples, labelling
from annotation.models import Campaign, Clip
from workbench import media
from workbench.access import SignedInRequest, may, needs
from workbench.home import Section


@require_GET
@needs("label")
def label_home(request: SignedInRequest) -> HttpResponse:
    return render(request, "annotation/label_home.html", {"campaigns": campaigns.open_to(request.user)})


@require_GET
@needs("label")
def label(request: SignedInRequest, campaign_id: uuid.UUID) -> HttpResponse:
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    if not campaigns.invited(campaign, request.user) or campaign.state == Campaign.State.DRAFT:
        raise Http404
    context = {
        "campaign": campaign,
        "examples": examples.of_campaign(campaign),
        "skip_reasons": _skip_reasons(),
        "flag_reasons": _flag_reasons(),
        "texts": _texts(),
        "settings": {"campaign": str(campaign.pk), "person": request.user.pseudonym},
    }
    return render(request, "annotation/label.html", context)


@require_safe
@needs("label", token=True)
def label_media(request: SignedInRequest, item_clip_id: uuid.UUID) -> HttpResponseBase:
    """A clip of an item, as judged: to whoever has the item, and to those who look after campaigns."""
    rendition = labelling.rendition_for(item_clip_id, request.user)
    if rendition is None:
        raise Http404
    return media.serve(request, rendition.file, "video/mp4")


@require_safe
@needs("label", token=True)
def label_first_frame(request: SignedInRequest, assignment_id: uuid.UUID) -> HttpResponseBase:
    """The picture that the clips of an item start from: to whom its clips are shown."""
    picture = labelling.first_frame_for(assignment_id, request.user)
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
        "open": list(campaigns.open_to(user)[:8]),  # type: ignore[arg-type]
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


def _skip_reasons() -> list[str]:
    return [
        _("A clip does not play"),
        _("I don't understand the prompt"),
        _("The content disturbs me"),
        _("All clips are unusable"),
        _("Another reason"),
    ]


def _flag_reasons() -> list[str]:
    return [
        _("It does not play"),
        _("The picture is black or frozen"),
        _("The picture is torn or full of blocks"),
        _("It belongs to another prompt"),
        _("Something else"),
    ]


def _texts() -> dict[str, object]:
    """What the page's script says; it has no words of its own."""
    return {
        "best": _("Best"),
        "worst": _("Worst"),
        "tie": _("Tie"),
        "cantJudge": _("Can't judge"),
        "open": _("open"),
        "optional": _("(optional)"),
        "clip": _("Clip {n}"),
        "pick": {"best": _("Clip {n} is best: {dimension}"), "worst": _("Clip {n} is worst: {dimension}")},
        "spoken": {
            "best": _("Clip {n} best, {dimension}"),
            "worst": _("Clip {n} worst, {dimension}"),
            "none": _("Clip {n} not marked, {dimension}"),
        },
        "flagged": _("Clip {n} is flagged as broken"),
        "playMore": _("Play {n} s more before you submit."),
        "tooMuch": _(
            "This computer drops frames with all clips at once, so they play in turn, row by row "
            "(O: all at once). Stopped, all show the same moment."
        ),
        "viewing": {
            "grid": _("All clips"),
            "solo": _("Clip {a} alone"),
            "flicker": _("Clips {a} and {b} take turns"),
            "wipe": _("Clip {a} left of the edge, clip {b} right of it"),
            "difference": _("Difference of clips {a} and {b}"),
        },
        "progress": _("{judged} of {wanted} judged"),
        "correcting": _("Correcting your judgement"),
        "saved": {
            "saving": _("Saving…"),
            "saved": _("Draft saved"),
            "offline": _("Not saved yet: no connection. Trying again."),
            "conflict": _("Changed in another window"),
        },
        "unsent": _("{n} not sent yet: kept here, trying again"),
        "broken": _("These picks contradict each other. Look again, or submit them as they are:"),
        "incomplete": _(
            "Still open: {dimension}. Pick the best and the worst, or mark a tie or “can't judge”."
        ),
        "questionsOpen": _("A question is still open. Answer it, or press Enter again to leave it out."),
        "answerAgain": _("Answer the questions again"),
        "unplayable": _("A clip does not play here. Reload the page; if that does not help, skip the item."),
        "gold": {
            "right": _("Right"),
            "wrong": _("Not quite"),
            "known": _("The answer of this item is known:"),
            "isRight": _("right"),
            "isWrong": _("wrong"),
            "tie": _("a tie"),
            "best": _("best is clip"),
            "worst": _("worst is clip"),
            "round": _("Qualification round: item {judged} of {of}."),
            "result": {
                "passed": _("You have passed: the real work comes next."),
                "failed": _("You have not passed this time."),
            },
            "on": _("Go on"),
        },
        "nothing": {
            "done": _("You have judged everything there is for you in this campaign. Thank you."),
            "others_have_it": _(
                "The last items are in other people's hands. If one comes back, it can be yours: look again."
            ),
            "paused": _("This campaign is paused. What you submitted is kept."),
            "closed": _("This campaign is closed. What you submitted is kept."),
            "draft": _("This campaign is not open yet."),
            "not_invited": _("This campaign is for other people."),
            "limit_reached": _(
                "You have judged as many items as this campaign wants of one person. Thank you."
            ),
            "daily_limit_reached": _("That is all for today. More items wait for you tomorrow."),
            "not_qualified": _(
                "You have not passed the qualification round. The campaign's manager sees it, and can let "
                "you in or let you try again."
            ),
            "no_gold_left": _(
                "The qualification round can't go on: there is no item left for it. The campaign's manager "
                "can make more."
            ),
            "excluded": _("Your work in this campaign does not count at present. Ask its manager."),
            "none_judged": _("There is nothing to undo: you have not judged an item of this campaign yet."),
            "offline": _("No connection. Trying again; nothing you submitted is lost."),
            "logged_out": _("You are logged out. Log in again; nothing you submitted is lost."),
            "error": _("Something went wrong here. Look again in a moment."),
        },
    }
