"""`/healthz`: whether this web process reaches the database and Valkey; for load balancers, without login."""

import asyncio

import psycopg
import redis.asyncio
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, JsonResponse
from redis.exceptions import RedisError

TIMEOUT = 3  # seconds for each server


async def healthz(request: HttpRequest) -> JsonResponse:
    """200 {"database": true, "valkey": true}; 503 where one is false. Says nothing about why."""
    database, valkey = await asyncio.gather(_database_answers(), _valkey_answers())
    found = {"database": database, "valkey": valkey}
    return JsonResponse(
        found, status=200 if all(found.values()) else 503, headers={"Cache-Control": "no-store"}
    )


async def _database_answers() -> bool:
    # A connection of its own: the pool would make a probe wait for a server that is away.
    parameters = {
        name: value for name, value in connection.get_connection_params().items() if name in _CONNECT
    }
    try:
        async with asyncio.timeout(TIMEOUT), await psycopg.AsyncConnection.connect(**parameters) as probe:
            await probe.execute("SELECT 1")
    except (psycopg.Error, OSError, TimeoutError):
        return False
    return True


async def _valkey_answers() -> bool:
    client = redis.asyncio.Redis.from_url(
        settings.REDIS_URL, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT
    )
    try:
        await client.ping()
    except (RedisError, OSError):
        return False
    finally:
        await client.aclose()
    return True


_CONNECT = {"host", "port", "user", "password", "dbname", "sslmode", "sslrootcert", "sslcert", "sslkey"}
