"""The Chromium that prints pages to PDF, where one is installed."""

import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

from django.utils.translation import gettext as _

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SECONDS = 120
_printing = threading.Lock()


class NotPrintedError(RuntimeError):
    """No PDF could be made; the text says why and what to do."""


def find() -> Path | None:
    """An installed Chromium or Chrome, $CHROMIUM first; None where there is none."""
    names = (chosen,) if (chosen := os.environ.get("CHROMIUM")) else NAMES
    return next((Path(path) for name in names if (path := shutil.which(name))), None)


def pdf(html: str) -> bytes:
    """Print a page that needs nothing from outside. One at a time in a process. Raises NotPrintedError."""
    program = find()
    if program is None:
        text = _("There is no Chromium here, so no PDF can be made. Install one, or print the HTML file.")
        raise NotPrintedError(text)
    if not _printing.acquire(blocking=False):
        raise NotPrintedError(_("Another PDF is being made. Try again in a minute."))
    try:
        with tempfile.TemporaryDirectory(prefix="print-") as folder:
            return _printed(program, html, Path(folder))
    finally:
        _printing.release()


def _printed(program: Path, html: str, folder: Path) -> bytes:
    page, made = folder / "page.html", folder / "page.pdf"
    page.write_text(html, encoding="utf-8")
    command = [
        str(program),
        "--headless=new",
        *(["--no-sandbox"] if os.geteuid() == 0 else []),
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-extensions",
        "--disable-background-networking",
        "--host-resolver-rules=MAP * ~NOTFOUND",  # nothing is fetched, whatever the page says
        "--no-first-run",
        f"--user-data-dir={folder / 'profile'}",
        "--no-pdf-header-footer",
        "--virtual-time-budget=20000",  # until the figures are drawn
        f"--print-to-pdf={made}",
        page.as_uri(),
    ]
    env = {
        name: value
        for name, value in os.environ.items()
        if name in ("PATH", "LANG", "TMPDIR", "FONTCONFIG_PATH")
    }
    try:
        done = subprocess.run(
            command,
            env=env | {"HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NotPrintedError(
            _("The browser did not finish printing in %(n)s s.") % {"n": SECONDS}
        ) from error
    if done.returncode or not made.is_file():
        why = done.stderr.decode(errors="replace").strip()[-300:]
        raise NotPrintedError(_("The browser could not print: %(why)s") % {"why": why})
    return made.read_bytes()
