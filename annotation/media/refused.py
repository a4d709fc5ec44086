"""What is said when a file is not taken in: one code and one sentence for each reason.

The sentences are marked for translation with ``gettext_noop`` and filled in where they are shown, so that
this package needs no Django: ``str(refused)`` is English; a page uses `annotation.clips.intake.explain`.
"""

from collections.abc import Mapping


class Refused(Exception):  # noqa: N818 (it is an answer, not a failure)
    """A file that is not a clip we take, with the reason.

    ``code`` is a key of `REASONS`; ``values`` fill the sentence in. Picklable and JSON-friendly: values are
    strings and numbers only.
    """

    def __init__(self, code: str, **values: str | float) -> None:
        super().__init__(code, values)
        self.code = code
        self.values: Mapping[str, str | int | float] = values

    @property
    def template(self) -> str:
        """The sentence in English with ``%(name)s`` places, as it stands in the translation catalogue."""
        return REASONS[self.code]

    def __str__(self) -> str:
        return self.template % self.values


def gettext_noop(text: str) -> str:
    """Mark a sentence for translation (the name is what makemessages looks for)."""
    return text


REASONS: dict[str, str] = {
    "missing": gettext_noop("There is no file at %(path)s. Check the path."),
    "not_a_file": gettext_noop("%(path)s is not an ordinary file. Give the path of a video file."),
    "empty": gettext_noop("The file is empty (0 bytes). Export or upload the video again."),
    "too_large": gettext_noop("The file has %(given)s; at most %(limit)s are taken. Shorten or compress it."),
    "not_a_video": gettext_noop(
        "The content is %(found)s, not a video, whatever the file is called. "
        "Give a video as MP4, MOV, WebM, MKV, AVI or GIF."
    ),
    "playlist": gettext_noop(
        "The content is %(found)s: a list that points at other files. Give the video itself as one file."
    ),
    "container_not_allowed": gettext_noop(
        "The container is %(found)s. MP4, MOV, WebM, MKV, AVI and GIF are taken: convert it to one of them."
    ),
    "codec_not_allowed": gettext_noop(
        "The video is coded as %(found)s. Taken are %(allowed)s: convert it to one of them."
    ),
    "audio_only": gettext_noop("The file has sound but no moving picture. Give a file with a video stream."),
    "no_video": gettext_noop("The %(container)s file holds no video stream. Give a file with one."),
    "too_many_pixels": gettext_noop(
        "A frame has %(width)s x %(height)s pixels; at most %(limit)s on a side are taken. Scale it down."
    ),
    "too_long": gettext_noop("The video lasts %(given)s s or more; at most %(limit)s s are taken. Cut it."),
    "too_many_frames": gettext_noop("The video has more than %(limit)s frames. Cut it."),
    "too_costly": gettext_noop(
        "Decoding the video needs more %(what)s than allowed (%(limit)s). Shorten it or scale it down."
    ),
    "truncated": gettext_noop(
        "The file is cut off: it declares %(declared)s bytes and has %(given)s; %(frames)s frames could be "
        "decoded. Copy or upload it again."
    ),
    "broken": gettext_noop(
        "The video is damaged: decoding failed after %(frames)s frames (%(detail)s). Export or copy it again."
    ),
    "no_frames": gettext_noop("Not one frame could be decoded. Export or copy the video again."),
    "one_frame": gettext_noop("The file has a single frame: a picture, not a video. Give two or more."),
    "size_changes": gettext_noop(
        "The frame size changes from %(before)s to %(after)s at frame %(frame)s. Export it at one size."
    ),
    "bad_timestamps": gettext_noop(
        "The time of frame %(frame)s is missing or not after the one before. Export it again with a "
        "steady clock."
    ),
    "hdr": gettext_noop(
        "The video is HDR (%(found)s), which browsers show differently from screen to screen. "
        "Convert it to SDR (BT.709)."
    ),
}
