"""Pages of clips: find, look, upload, import."""

import errno
import tempfile
import uuid
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import cast

from django.conf import settings
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.http import urlencode
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from annotation.clips.listing import ClipFilter, find_clips
from annotation.clips.manifest import ManifestError, Report, import_manifest
from annotation.forms.clips import ClipFilterForm, ManifestForm
from annotation.models import Clip, Prompt, PromptSet, Task, VideoModel
from workbench import media
from workbench.access import SignedInRequest, audit, needs
from workbench.home import Section

PAGE = 48
ClipSectionMaker = Callable[[SignedInRequest, Clip], Section | None]
"""A part of a clip's page from another app; named in `settings.CLIP_SECTIONS`."""
_TYPES = {"mp4": "video/mp4", "mov": "video/quicktime", "webm": "video/webm", "mkv": "video/x-matroska"}


@require_GET
@needs("clips")
def clip_list(request: SignedInRequest) -> HttpResponse:
    form = ClipFilterForm(request.GET, label_suffix="")
    chosen = form.cleaned_data if form.is_valid() else {}
    wanted = ClipFilter(
        state=chosen.get("state", ""),
        text=chosen.get("text", ""),
        video_model=getattr(chosen.get("video_model"), "slug", ""),
        prompt_set=getattr(chosen.get("prompt_set"), "slug", ""),
    )
    clips, after = find_clips(wanted, _uuid(request.GET.get("after", "")), PAGE)
    filters = {key: str(value) for key, value in request.GET.items() if value and key != "after"}
    context = {
        "form": form,
        "clips": clips,
        "filtered": bool(filters),
        "more": "?" + urlencode({**filters, "after": str(after)}) if after else "",
    }
    return render(request, "annotation/clip_list.html", context)


@require_GET
@needs("clips")
def upload(request: SignedInRequest) -> HttpResponse:
    """The page; each file goes to the API by itself, so that one refused file stops no other."""
    context = {
        "models": VideoModel.objects.order_by("name"),
        "prompt_sets": PromptSet.objects.order_by("name"),
        "tasks": Task.choices,
        "megabytes": settings.UPLOAD_MAX_BYTES // 2**20,
        "texts": {
            "waiting": _("Waiting"),
            "sending": _("Sending…"),
            "checking": _("Checking…"),
            "taken": _("Taken in"),
            "there": _("Was there already"),
            "differs": _("Was there already, and says something else about: {fields}. It is left as it was."),
            "offline": _("The server was not reached. Choose the file again."),
            "failed": _("Something went wrong here; the file was not taken."),
            "summary": _("{taken} taken in, {there} there already, {refused} refused"),
            "look": _("Look"),
        },
    }
    return render(request, "annotation/clip_upload.html", context)


@require_http_methods(["GET", "POST"])
@needs("clips")
def manifest_upload(request: SignedInRequest) -> HttpResponse:
    """A manifest and the files it names, together."""
    form = ManifestForm(request.POST or None, request.FILES or None, label_suffix="")
    report: Report | None = None
    if request.method == "POST" and form.is_valid():
        try:
            report = _import(request, form)
        except ManifestError as error:
            form.add_error("manifest", str(error))
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound and report is None else HTTPStatus.OK
    return render(request, "annotation/clip_manifest.html", {"form": form, "report": report}, status=status)


@require_GET
@needs("clips")
def clip_page(request: SignedInRequest, clip_id: uuid.UUID) -> HttpResponse:
    clip = get_object_or_404(Clip.objects.select_related("prompt", "video_model", "uploaded_by"), pk=clip_id)
    rendition = clip.renditions.filter(fps=None, seconds=None).first()
    makers = [cast("ClipSectionMaker", import_string(path)) for path in settings.CLIP_SECTIONS]
    context = {
        "clip": clip,
        "sections": [section for maker in makers if (section := maker(request, clip)) is not None],
        "rendition": rendition,
        "player": rendition and {"duration": rendition.duration, "frame_times": rendition.frame_times},
        "campaigns": {i.item.campaign for i in clip.item_clips.select_related("item__campaign")[:200]},
    }
    return render(request, "annotation/clip.html", context)


@require_safe
@needs("clips")
def poster(request: SignedInRequest, clip_id: uuid.UUID) -> HttpResponseBase:
    clip = get_object_or_404(Clip, pk=clip_id)
    if not clip.poster:
        raise Http404
    return media.serve(request, clip.poster, "image/jpeg")


@require_safe
@needs("clips")
def video(request: SignedInRequest, clip_id: uuid.UUID) -> HttpResponseBase:
    """The plain judged rendition."""
    rendition = get_object_or_404(Clip, pk=clip_id).renditions.filter(fps=None, seconds=None).first()
    if rendition is None:
        raise Http404
    return media.serve(request, rendition.file, "video/mp4")


@require_safe
@needs("clips")
def original(request: SignedInRequest, clip_id: uuid.UUID) -> HttpResponseBase:
    """The original's bytes, as a download."""
    clip = get_object_or_404(Clip, pk=clip_id)
    kind = _TYPES.get(Path(clip.original.name or "").suffix.lstrip("."), "application/octet-stream")
    return media.serve(request, clip.original, kind, download_name=clip.original_name)


@require_safe
@needs("clips")
def first_frame(request: SignedInRequest, prompt_id: int) -> HttpResponseBase:
    """The picture that an image-to-video prompt gives."""
    prompt = get_object_or_404(Prompt, pk=prompt_id)
    if not prompt.first_frame:
        raise Http404
    return media.serve(request, prompt.first_frame, "image/png")


def _import(request: SignedInRequest, form: ManifestForm) -> Report:
    dry_run = form.cleaned_data["dry_run"]
    with tempfile.TemporaryDirectory(prefix="manifest-") as folder:
        for file in request.FILES.getlist("files"):
            name = Path(file.name or "").name
            try:
                with (Path(folder) / name).open("wb") as copy:
                    for chunk in file.chunks():
                        copy.write(chunk)
            except OSError as error:
                if error.errno != errno.ENAMETOOLONG:
                    raise
                message = _(
                    "The file name %(name)s is too long for the server: shorten it, here and in the manifest."
                )
                raise ManifestError(message % {"name": name}) from error
        manifest = form.cleaned_data["manifest"].read()
        report = import_manifest(manifest, Path(folder), uploaded_by=request.user, dry_run=dry_run)
    if not dry_run:
        audit(request, "clips.import", added=len(report.added), problems=len(report.problems))
    return report


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
