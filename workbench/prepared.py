"""Statements that are asked all day, planned once for each connection instead of each time.

Only those written out here as SQL: Django's own are bound by the client, because bound by the server some of
its lookups answer wrongly (an `overlap` of big integers finds nothing).
"""

from typing import Any

from django.db import connection
from django.db.backends.postgresql.base import ServerBindingCursor


def cursor() -> Any:
    """A cursor like `connection.cursor()` whose statements are prepared once they have been seen a few times.

    PostgreSQL must be able to tell the type of each value from its place, or by a cast in the statement.
    """
    connection.ensure_connection()
    bound: Any = ServerBindingCursor
    wrapper: Any = connection
    return wrapper._prepare_cursor(bound(connection.connection))
