"""Words of the labelling page, which its script and its dialogs show."""

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from annotation.models import Campaign


def skip_reasons() -> list[str]:
    return [
        _("A clip does not play"),
        _("I don't understand the prompt"),
        _("The content disturbs me"),
        _("All clips are unusable"),
        _("Another reason"),
    ]


def flag_reasons() -> list[str]:
    return [
        _("It does not play"),
        _("The picture is black or frozen"),
        _("The picture is torn or full of blocks"),
        _("It belongs to another prompt"),
        _("Something else"),
    ]


def texts(protocol: str) -> dict[str, object]:
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
        "incomplete": _incomplete(protocol),
        "questionsOpen": _("A question is still open. Answer it, or press Enter again to leave it out."),
        "answerAgain": _("Answer the questions again"),
        "unplayable": _("A clip does not play here. Reload the page; if that does not help, skip the item."),
        "likert": {
            "give": _("Score {score} for clip {n}: {dimension}"),
            "scored": _("Clip {n}, {dimension}: {score}"),
            "taken": _("Clip {n}, {dimension}: no score"),
            "defect": _("Defect"),
            "strength": pgettext("mark", "Strength"),
            "whole": _("the whole clip"),
            "removed": _("Mark taken away"),
            "noMark": _("Choose a mark first (M), or make one (X, V)."),
            "which": {
                "defect": _("A defect at {from} s. In which aspect? Press its number (Esc: none)."),
                "strength": _("A strength at {from} s. In which aspect? Press its number (Esc: none)."),
                "whole_defect": _("A defect of the clip. In which aspect? Press its number (Esc: none)."),
                "whole_strength": _("A strength of the clip. In which aspect? Press its number (Esc: none)."),
            },
        },
        "gsb": {
            "clips": [_("Left"), pgettext("side", "Right")],
            "better": _("Better"),
            "short": {
                "left": _("Left"),
                "same": _("Same"),
                "right": pgettext("side", "Right"),
            },
            "verdict": {
                "left": _("{dimension}: left is better"),
                "same": _("{dimension}: the same"),
                "right": _("{dimension}: right is better"),
            },
            "taken": _("{dimension}: no answer"),
        },
        "gold": {
            "expected": _("clip {n}: {score}"),
            "giveOrTake": _("give or take {n}"),
            "right": _("Right"),
            "wrong": _("Not quite"),
            "known": _("The answer of this item is known:"),
            "isRight": _("right"),
            "isWrong": _("wrong"),
            "tie": _("a tie"),
            "side": {
                "left": _("left is better"),
                "same": _("both are the same"),
                "right": _("right is better"),
            },
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


def _incomplete(protocol: str) -> str:
    if protocol == Campaign.Protocol.LIKERT:
        return _("Still open: {dimension}. Every clip needs a score from 1 to 5.")
    if protocol == Campaign.Protocol.GSB:
        return _("Still open: {dimension}. Say which clip is better, or that they are the same.")
    return _("Still open: {dimension}. Pick the best and the worst, or mark a tie or “can't judge”.")
