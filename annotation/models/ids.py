"""Identifiers that pages may show."""

import uuid


def opaque_id() -> uuid.UUID:
    """An identifier that says nothing about the row: for everything an annotator's page may show."""
    return uuid.uuid4()
