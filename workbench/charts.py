"""The words that plotly puts on its charts, in the reader's language."""

from django.utils.translation import gettext, gettext_noop

_WORDS = (
    gettext_noop("Autoscale"),
    gettext_noop("Double-click on legend to isolate one trace"),
    gettext_noop("Double-click to zoom back out"),
    gettext_noop("Download plot as a PNG"),
    gettext_noop("Pan"),
    gettext_noop("Reset axes"),
    gettext_noop("Image download succeeded"),
    gettext_noop("Sorry, there was a problem downloading your image!"),
    gettext_noop("Preparing image - this may take a few seconds"),
    gettext_noop("Zoom"),
    gettext_noop("Zoom in"),
    gettext_noop("Zoom out"),
)


def words() -> dict[str, str]:
    """Plotly's English -> the reader's language: the `dictionary` of a plotly locale."""
    return {word: gettext(word) for word in _WORDS}
