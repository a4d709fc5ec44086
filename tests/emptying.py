"""Empties the database after a test whose rows were committed, in place of Django's `flush`.

`flush` truncates every table, for which PostgreSQL makes new files for each and all of its indexes; then
Django makes its content types and permissions anew. With fifty tables that takes half a second for each such
test. Here rows are deleted where there are any, and content types and permissions stay.
"""

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import OperationalError, connection, transaction
from django.test import TransactionTestCase
from psycopg.errors import DeadlockDetected

KEPT = {ContentType._meta.db_table, Permission._meta.db_table}
GUARDED = "SELECT relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid WHERE NOT tgisinternal"


def install() -> None:
    """From now on tests with `transaction=True` end by `empty_tables`."""
    TransactionTestCase._fixture_teardown = lambda _test: empty_tables()  # type: ignore[attr-defined]


def empty_tables() -> None:
    """Leave no row but the kept ones. A request that a web process still works on may want the same rows."""
    for tries_left in (2, 1, 0):
        try:
            _empty_tables()
        except OperationalError as error:
            if not tries_left or not isinstance(error.__cause__, DeadlockDetected):
                raise
        else:
            return


def _empty_tables() -> None:
    """Foreign keys are looked at when it commits, so no order is needed."""
    tables = sorted({*connection.introspection.django_table_names(only_existing=True)} - KEPT)
    quote = connection.ops.quote_name
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(
                f"SELECT '{table}' WHERE EXISTS (SELECT FROM {quote(table)})" for table in tables
            )
        )
        filled = {table for (table,) in cursor.fetchall()}
        cursor.execute(GUARDED)
        guarded = filled & {table for (table,) in cursor.fetchall()}  # a trigger lets no row be deleted
        for table in sorted(guarded):
            cursor.execute(f"TRUNCATE {quote(table)} CASCADE")
        for table in sorted(filled - guarded):
            cursor.execute(f"DELETE FROM {quote(table)}")
