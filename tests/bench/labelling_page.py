"""The labelling page in a real browser: how soon the next item plays, and how many keys an item takes.

    REAL_CLIPS_DIR=DIR python -m tests.bench.labelling_page [--quick] [--json FILE]

One uvicorn process and the embedded servers as an installation has them, a headless browser with a window
of 1280x800, items of four real clips. For each item the clock runs from Enter to the first frame that the
browser presents of every clip of the next item ("shown"), and to their second one ("playing"). It is done
once as the page is, with the next item's clips loaded ahead, and once with that call answered as if there
were none. Then the last item plays for a while: "together" is the share of the moments at which the browser
presented a frame when what all clips showed was within one frame of each other. Everything shares the
machine: servers, browser and its decoders; a browser without a graphics card draws on the processor.
"""

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import django
from django.core.management import call_command

from tests import browsers, servers  # servers first: it names the folder that settings read
from workbench import stack

os.environ["DJANGO_SETTINGS_MODULE"] = "workbench.settings"
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright's event loop runs in this thread
# At most 480p; 24, 30, 29.98 and 30 frames a second; 2 to 6 seconds.
FILES = ("sintel_snow_2s.mp4", "asl_bird.mkv", "stream_water.mp4", "friday_bw.mp4")
WATCH_FOR = 1.5  # seconds somebody looks before they judge: the time in which the next item is loaded
PLAYED = 300  # moments at which it is looked whether the clips are together

# Notes when Enter went down, and when each video that came after it presented its first and second frame.
WATCH = """
(() => {
  const seen = new WeakSet();
  window.bench = { pressed: null, keys: 0, frames: [] };
  const watch = (video) => {
    if (seen.has(video)) return;
    seen.add(video);
    const times = [];
    window.bench.frames.push(times);
    const note = (now) => {
      times.push(now);
      if (times.length < 2) video.requestVideoFrameCallback(note);
    };
    video.requestVideoFrameCallback(note);
  };
  addEventListener("keydown", (event) => {
    window.bench.keys += event.key === "Shift" ? 0 : 1;
    if (event.key === "Enter") Object.assign(window.bench, { pressed: performance.now(), frames: [] });
  }, true);
  document.addEventListener("DOMContentLoaded", () => {
    const stage = document.getElementById("stage");
    const changed = new MutationObserver(() => stage.querySelectorAll("video").forEach(watch));
    changed.observe(stage, { childList: true });
  });
})();
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="The labelling page in a browser")
    parser.add_argument("--quick", action="store_true", help="8 items instead of 40")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    clips = [Path(os.environ.get("REAL_CLIPS_DIR", "")) / name for name in FILES]
    if not all(path.is_file() for path in clips):
        parser.exit(0, f"Left out: set REAL_CLIPS_DIR to a folder with {', '.join(FILES)}.\n")
    if browsers.find() is None:
        parser.exit(0, "Left out: there is no browser; `python -m tests.browsers` installs one.\n")
    items = 8 if options.quick else 40
    services = stack.embedded_services(servers.FOLDER)
    try:
        for service in services:
            service.start()
            service.wait_ready()
        django.setup()
        call_command("migrate", verbosity=0)
        rows = measure(clips, items)
    finally:
        for service in reversed(services):
            service.stop()
        shutil.rmtree(servers.FOLDER, ignore_errors=True)
    print("loaded ahead   items   keys an item   shown p50/p95 ms   playing p50/p95 ms   together   in turn")
    for row in rows:
        print(
            f"{row['ahead']!s:>12}   {row['items']:5}   {row['keys']:12.1f}"
            f"   {row['shown_p50']:9.0f} / {row['shown_p95']:4.0f}"
            f"   {row['playing_p50']:11.0f} / {row['playing_p95']:4.0f}"
            f"   {row['together']:8.3f}   {row['in_turn']!s:>7}"
        )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


def measure(clips: list[Path], items: int) -> list[dict[str, Any]]:
    """Rows of the table: with the next item's clips loaded ahead, and without."""
    # Models can be imported only once Django is set up.
    from django.contrib.auth import get_user_model

    from annotation.campaigns.dimensions import default_dimensions
    from tests.browser.labelled_clips import laid_out
    from workbench.models import Role

    people = [
        get_user_model().objects.create(username=name, email=f"{name}@example.org", role=role)
        for name, role in (("manager", Role.MANAGER), ("ann", Role.ANNOTATOR), ("bob", Role.ANNOTATOR))
    ]
    # The first item is not measured: what it costs is the page's own start.
    campaign = laid_out(
        clips,
        people[0],
        {},
        items=items + 1,
        dimensions=default_dimensions()[:3],
        overlap=2,
        question_limit=3,
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    env = {**os.environ, "SITE_URL": url, "DEMO": "True", "LOG_LEVEL": "WARNING"}
    quiet = ["--lifespan", "off", "--log-level", "warning"]
    command = [sys.executable, "-m", "uvicorn", "workbench.asgi:application", "--port", str(port), *quiet]
    web = subprocess.Popen(command, env=env)
    try:
        _wait(url)
        return [_judged(url, str(campaign.pk), person, items, person is people[1]) for person in people[1:]]
    finally:
        web.terminate()
        web.wait()


def _judged(url: str, campaign: str, person: Any, items: int, ahead: bool) -> dict[str, Any]:
    """One person judges this many items by keyboard: two keys a dimension, Enter, and nothing else."""
    from playwright.sync_api import sync_playwright

    from tests.browser.together import TOGETHER, frames_apart

    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    allowed = [*sandbox, "--autoplay-policy=no-user-gesture-required"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(browsers.find()), args=allowed)
        context = browser.new_context(base_url=url, viewport={"width": 1280, "height": 800})
        context.add_cookies([_session(person, url)])
        context.add_init_script(WATCH)
        page = context.new_page()
        answers: list[Any] = []
        page.on("response", lambda said: answers.append(said) if said.url.endswith("/next") else None)
        if not ahead:
            page.route("**/api/label/hold", lambda route: route.fulfill(json={"media": []}))
        page.goto(f"/label/{campaign}/")
        times: list[list[float]] = []
        keys = []
        for _n in range(items):
            playing = "window.bench.frames.length === 4 && window.bench.frames.every((f) => f.length === 2)"
            while not page.evaluate(playing):
                page.wait_for_timeout(20)
            page.wait_for_timeout(1000 * WATCH_FOR)
            page.evaluate("window.bench.keys = 0")
            for best in "121":
                page.keyboard.press(best)
                page.keyboard.press("Shift+Digit4")
            page.keyboard.press("Enter")
            while not page.evaluate(playing):
                page.wait_for_timeout(20)
            found = page.evaluate("window.bench")
            keys.append(found["keys"])
            times.append([max(f[n] for f in found["frames"]) - found["pressed"] for n in (0, 1)])
        clips = answers[-1].json()["item"]["clips"]
        page.evaluate(TOGETHER)
        while page.evaluate("window.together.length") < PLAYED:
            page.wait_for_timeout(100)
        apart = [frames_apart(clips, one["times"]) for one in page.evaluate("window.together")]
        in_turn = page.locator("#turns").get_attribute("aria-pressed") == "true"
        browser.close()
    row: dict[str, Any] = {
        "ahead": ahead,
        "items": items,
        "keys": statistics.mean(keys),
        "together": statistics.mean(gap <= 0 for gap in apart),
        "in_turn": in_turn,
    }
    for n, name in enumerate(("shown", "playing")):
        values = [one[n] for one in times]
        row |= {
            f"{name}_p50": statistics.median(values),
            f"{name}_p95": statistics.quantiles(values, n=20)[-1],
        }
    return row


def _session(person: Any, url: str) -> Any:
    from django.conf import settings
    from django.test import Client

    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return {"name": settings.SESSION_COOKIE_NAME, "value": client.session.session_key or "", "url": url}


def _wait(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/login/", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise SystemExit("The web process does not answer.")


if __name__ == "__main__":
    main()
