"""How often somebody who is not logged in may do a thing: counted in Valkey, forgotten after a while.

Where Valkey is away nothing is refused: people must be able to log in, and django-axes still counts names.
"""

import hashlib

import structlog
from axes.helpers import get_client_ip_address
from django.core.cache import cache
from django.http import HttpRequest
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)


def count(what: str, whose: str, seconds: int) -> int:
    """One more of `what` by or for `whose`: how many that makes since the first, `seconds` ago at most."""
    try:
        key = _key(what, whose)
        cache.add(key, 0, seconds)
        return int(cache.incr(key))
    except (RedisError, ValueError) as error:  # ValueError: it ran out in between
        log.warning("throttle_not_counted", what=what, error=str(error))
        return 0


def counted(what: str, whose: str) -> int:
    """How many there were."""
    try:
        return int(cache.get(_key(what, whose), 0))
    except RedisError as error:
        log.warning("throttle_not_counted", what=what, error=str(error))
        return 0


def address(request: HttpRequest) -> str:
    """Where a request comes from, past the proxies that `PROXY_COUNT` names."""
    return get_client_ip_address(request) or "?"


def _key(what: str, whose: str) -> str:
    return f"throttle:{what}:{hashlib.sha256(whose.encode()).hexdigest()}"
