"""One simulated person's way to the workbench: its HTTP API, with a token of their own."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

_PATIENCE = 120.0
"""Seconds for which a site that doesn't answer is tried again: it may be starting anew."""
_TIMEOUT = 60.0


class RefusedError(RuntimeError):
    """The site said no; `code` is the machine-readable reason if it gave one."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code


class StoppedError(Exception):
    """Somebody asked to stop while the site was waited for."""


class Site:
    """Requests to one site as one person, over one connection. Not for several threads."""

    def __init__(self, base_url: str, token: str, stopped: Callable[[], bool]) -> None:
        parts = urlsplit(base_url)
        self._base_url = base_url
        self._prefix = parts.path.rstrip("/")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT)
        self._headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
        self._stopped = stopped

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The JSON answer. Raises RefusedError, and OSError where the site stays away."""
        headers = {"Content-Type": "application/json"}
        told = self._told("POST", path, json.dumps(body).encode(), headers)
        return json.loads(told) if told else None

    def get(self, path: str) -> bytes:
        """A file. Raises RefusedError, and OSError where the site stays away."""
        return self._told("GET", path, None, {})

    def close(self) -> None:
        self._connection.close()

    def _told(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> bytes:
        """What a request is answered. All requests may be sent again: submissions carry their keys."""
        give_up = time.monotonic() + _PATIENCE
        pause = 0.2
        while True:
            if self._stopped():
                raise StoppedError
            try:
                self._connection.request(method, self._prefix + path, body, self._headers | headers)
                answer = self._connection.getresponse()
                told = answer.read()
                status = answer.status
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                status, why = 0, str(error) or type(error).__name__
            else:
                if status < 300:
                    return told
                if status not in {429, 500, 502, 503, 504}:
                    raise _refused(status, told)
                why = f"status {status}"
            if time.monotonic() > give_up:
                raise OSError(f"{self._base_url} did not answer {method} {path} for {_PATIENCE:.0f} s: {why}")
            time.sleep(pause)
            pause = min(2 * pause, 5.0)


def _refused(status: int, told: bytes) -> RefusedError:
    try:
        answer = json.loads(told)
    except ValueError:
        answer = {}
    known = answer if isinstance(answer, dict) else {}
    text = known.get("detail") or told[:300].decode("utf-8", "replace")
    return RefusedError(status, str(known.get("code", "")), f"{status}: {text}")
