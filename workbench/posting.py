"""POST to an address that somebody typed in: to the outside only, once, and not for long.

The name is resolved here, every address it has must be a public one, and the connection goes to the address
that was checked, so that a name which resolves otherwise a moment later gains nothing. No proxy, no redirect
(a 3xx is just its status), at most `SECONDS` in all and `ANSWER_BYTES` of the answer.
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

CONNECT_SECONDS = 5.0
SECONDS = 15.0
ANSWER_BYTES = 2048
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressRefusedError(ValueError):
    """The address is none that is posted to; the message says why."""


@dataclass(frozen=True)
class Answer:
    """What came back. ``status`` is None where no answer came; ``error`` says why."""

    status: int | None
    error: str = ""

    @property
    def fine(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def checked(url: str) -> SplitResult:
    """An address's parts. Raises AddressRefusedError unless it is http(s) with a host and without a login."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise AddressRefusedError(
            _("%(url)s is no address: %(why)s.") % {"url": url, "why": error}
        ) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise AddressRefusedError(
            _("%(url)s is no address that begins with https:// or http://.") % {"url": url}
        )
    if parts.username is not None or parts.password is not None:
        raise AddressRefusedError(_("The address holds a name or password. Leave them out."))
    if any(ord(letter) <= 32 or ord(letter) == 127 for letter in url.strip()):
        raise AddressRefusedError(_("The address holds a space or control character."))
    return parts


def public_addresses(parts: SplitResult) -> list[str]:
    """The addresses of the host. Raises AddressRefusedError if one is not public; OSError if there is none.

    Private ones are fine where `WEBHOOK_PRIVATE_ADDRESSES` says so.
    """
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except UnicodeError as error:  # a label that can't be in a name
        raise OSError(str(error)) from error
    addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
    if not settings.WEBHOOK_PRIVATE_ADDRESSES:
        for address in addresses:
            if not _is_public(address):
                message = _("%(host)s is %(address)s, which is not a public address.")
                raise AddressRefusedError(message % {"host": host, "address": address})
    return addresses


def post(url: str, body: bytes, headers: dict[str, str]) -> Answer:
    """Send it. Never raises: what goes wrong is the answer's error."""
    try:
        parts = checked(url)
        address = public_addresses(parts)[0]
        return _post(parts, address, body, headers)
    except AddressRefusedError as refused:
        return Answer(None, str(refused)[:300])
    except (OSError, http.client.HTTPException) as error:
        return Answer(None, f"{type(error).__name__}: {error}"[:300])


def _post(parts: SplitResult, address: str, body: bytes, headers: dict[str, str]) -> Answer:
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    connection = http.client.HTTPConnection(host, parts.port or port, timeout=CONNECT_SECONDS)
    opened = socket.create_connection((address, port), timeout=CONNECT_SECONDS)
    status: int | None
    over = threading.Event()

    def give_up() -> None:
        over.set()
        with contextlib.suppress(OSError):
            opened.shutdown(socket.SHUT_RDWR)

    watch = threading.Timer(SECONDS, give_up)
    watch.daemon = True
    watch.start()
    try:
        opened.settimeout(SECONDS)
        connection.sock = opened
        if parts.scheme == "https":
            opened = ssl.create_default_context().wrap_socket(
                opened, server_hostname=host, do_handshake_on_connect=False
            )
            opened.do_handshake()
            connection.sock = opened
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        name = f"[{host}]" if ":" in host else host
        shown = name if parts.port is None else f"{name}:{parts.port}"
        connection.request("POST", target, body, {**headers, "Host": shown, "Connection": "close"})
        answer = connection.getresponse()
        answer.read(ANSWER_BYTES)
        status, error = answer.status, ""
    except (OSError, http.client.HTTPException) as problem:
        status, error = None, f"{type(problem).__name__}: {problem}"[:300]
    finally:
        watch.cancel()
        opened.close()
    if over.is_set():  # what was cut off can look like an answer
        return Answer(None, _("No whole answer within %(n)d seconds.") % {"n": SECONDS})
    return Answer(status, error)


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if address.teredo is not None:
            return False
        if inner is not None:
            return _is_public(str(inner))
    return address.is_global and not address.is_multicast
