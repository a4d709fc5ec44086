"""Empties the database after a test whose rows were committed, in place of Django's `flush`.

`flush` truncates every table, and PostgreSQL then makes new files for each and all of its indexes; after that
Django makes its content types and permissions anew. With fifty tables that took half a second for each such
test. Here rows are deleted where there are any, and content types and permissions stay.
"""

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.test import TransactionTestCase

from workbench.models import AuditEntry

KEPT = {ContentType._meta.db_table, Permission._meta.db_table}


def install() -> None:
    """From now on tests with `transaction=True` end by `empty_tables`."""
    TransactionTestCase._fixture_teardown = lambda _test: empty_tables()  # type: ignore[attr-defined]


def empty_tables() -> None:
    """Leave no row but the kept ones. Foreign keys are looked at when it commits, so no order is needed."""
    tables = sorted({*connection.introspection.django_table_names(only_existing=True)} - KEPT)
    quote = connection.ops.quote_name
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(
                f"SELECT '{table}' WHERE EXISTS (SELECT FROM {quote(table)})" for table in tables
            )
        )
        for (table,) in cursor.fetchall():
            # The database itself lets no audit entry be deleted.
            how = "TRUNCATE" if table == AuditEntry._meta.db_table else "DELETE FROM"
            cursor.execute(f"{how} {quote(table)}")
