"""Pages of webhooks: who is told what, and whether it arrived."""

import uuid
from http import HTTPStatus

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotation.exchange import webhooks
from annotation.models import Campaign, Event, Webhook
from workbench.access import SignedInRequest, audit, needs
from workbench.refusals import Refusal

_LATEST = 50


class WebhookForm(forms.Form):
    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=500,
        widget=forms.URLInput(attrs={"placeholder": "https://example.org/hook"}),
        help_text=gettext_lazy("Is sent a POST for each event; it has to be reachable from the internet."),
    )
    events = forms.MultipleChoiceField(
        label=gettext_lazy("Events"), choices=Event.choices, widget=forms.CheckboxSelectMultiple
    )
    campaign = forms.ChoiceField(label=gettext_lazy("Campaign"), required=False)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, label_suffix="", **kwargs)  # type: ignore[arg-type, misc]
        known = [(str(pk), name) for pk, name in Campaign.objects.values_list("pk", "name")[:500]]
        self.fields["campaign"].choices = [("", _("All campaigns")), *known]  # type: ignore[attr-defined]


@require_http_methods(["GET", "POST"])
@needs("campaigns.manage")
def webhook_list(request: SignedInRequest) -> HttpResponse:
    sent = request.method == "POST"
    form = (
        WebhookForm(request.POST) if sent else WebhookForm(initial={"campaign": request.GET.get("campaign")})
    )
    if sent and form.is_valid():
        chosen = form.cleaned_data["campaign"]
        campaign = Campaign.objects.filter(pk=chosen).first() if chosen else None
        try:
            made = webhooks.add(form.cleaned_data["url"], form.cleaned_data["events"], campaign, request.user)
        except Refusal as refusal:
            form.add_error("url" if refusal.code == "address" else None, refusal.message)
        else:
            audit(request, "webhook.add", made, url=made.url, events=made.events)
            text = _("The secret that signs what is sent is shown only now: %(secret)s")
            messages.success(request, text % {"secret": made.secret})
            return redirect("webhook", made.pk)
    context = {"form": form, "webhooks": Webhook.objects.select_related("campaign")}
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render(request, "annotation/webhook_list.html", context, status=status)


@require_GET
@needs("campaigns.manage")
def webhook_page(request: SignedInRequest, webhook_id: uuid.UUID) -> HttpResponse:
    webhook = get_object_or_404(Webhook.objects.select_related("campaign", "created_by"), pk=webhook_id)
    context = {
        "webhook": webhook,
        "deliveries": webhook.deliveries.order_by("-created_at", "-id")[:_LATEST],
        "events": [Event(event).label for event in webhook.events],
        "most": _LATEST,
    }
    return render(request, "annotation/webhook.html", context)


@require_POST
@needs("campaigns.manage")
def webhook_change(request: SignedInRequest, webhook_id: uuid.UUID) -> HttpResponse:
    """`do` is test, pause, resume or remove."""
    webhook = get_object_or_404(Webhook, pk=webhook_id)
    match request.POST.get("do"):
        case "test":
            webhooks.ping(webhook)
            messages.success(request, _("A test is on its way. Reload in a few seconds."))
        case "pause" | "resume" as wanted:
            webhooks.set_active(webhook, wanted == "resume")
            audit(request, f"webhook.{wanted}", webhook)
        case "remove":
            audit(request, "webhook.remove", webhook, url=webhook.url)
            webhook.delete()
            messages.success(request, _("The webhook is removed."))
            return redirect("webhooks")
        case _other:
            messages.error(request, _("This form can't be understood; reload the page."))
    return redirect("webhook", webhook_id)


@require_POST
@needs("campaigns.manage")
def webhook_redeliver(request: SignedInRequest, delivery_id: uuid.UUID) -> HttpResponse:
    try:
        delivery = webhooks.redeliver(delivery_id)
    except Refusal as refusal:
        return HttpResponse(refusal.message, status=refusal.status, content_type="text/plain; charset=utf-8")
    messages.success(request, _("It is sent again. Reload in a few seconds."))
    return redirect("webhook", delivery.webhook_id)
