"""Which browser the browser tests drive; `python -m tests.browsers` finds or installs one and says so."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from workbench import chromium


def find() -> Path | None:
    """An installed Chromium or Chrome ($CHROMIUM first), else the one that Playwright downloaded."""
    found = chromium.find()
    if found is None and (chosen := os.environ.get("CHROMIUM")):
        raise SystemExit(f"browsers: CHROMIUM is {chosen!r}, which is not a program.")
    return found or _playwrights_own()


def find_or_install() -> Path:
    """As `find`; else Playwright's download; else Debian's package where that may be installed.

    Ends with one line, in CI as a failure, where there is no way to a browser.
    """
    if found := find():
        print(f"browsers: using {found}")
        return found
    print("browsers: no Chromium or Chrome is installed; asking Playwright for its own")
    if _succeeds(sys.executable, "-m", "playwright", "install", "chromium") and (found := _playwrights_own()):
        print(f"browsers: Playwright downloaded {found}")
        return found
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if shutil.which("apt-get") and (not sudo or shutil.which("sudo")):
        print("browsers: that failed; installing Debian's package chromium")
        _succeeds(*sudo, "apt-get", "update", "-qq")
        _succeeds(*sudo, "apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium")
        if found := find():
            print(f"browsers: installed {found}")
            return found
    raise SystemExit(
        "browsers: there is no browser and none could be installed: "
        "install Chromium or Chrome, or name one with CHROMIUM=/path/to/chromium."
    )


def _playwrights_own() -> Path | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return path if path.exists() else None


def _succeeds(*command: str) -> bool:
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, env=env, stdin=subprocess.DEVNULL, check=False).returncode == 0


if __name__ == "__main__":
    find_or_install()
