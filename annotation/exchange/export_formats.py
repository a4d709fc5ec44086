"""The formats that preference pairs are exported in: what pages offer and the API takes."""

from collections.abc import Callable, Iterator

from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.exchange import export, export_folder, export_tables
from annotation.models import Campaign
from workbench import streamed

Pages = Iterator[str] | Iterator[bytes]


class PairFormat(models.TextChoices):
    """The value is the file's suffix."""

    JSONL = "jsonl", _("JSON lines")
    CSV = "csv", _("CSV")
    PARQUET = "parquet", _("Parquet")
    ZIP = "zip", _("Folder with the clips (ZIP)")

    @property
    def content_type(self) -> str:
        return _FORMATS[self][0]

    @property
    def media_type(self) -> str:
        return self.content_type.partition(";")[0]

    def pages(self, campaign: Campaign, include_broken: bool = False) -> Pages:
        """The file of a campaign's pairs as they are now, a piece at a time."""
        return self.of(export.pairs(campaign, include_broken))

    def of(self, rows: export.Pages) -> Pages:
        """The file of these pairs, a piece at a time."""
        return _FORMATS[self][1](rows)


_FORMATS: dict[PairFormat, tuple[str, Callable[[export.Pages], Pages]]] = {
    PairFormat.JSONL: (streamed.JSON_LINES, export.as_jsonl),
    PairFormat.CSV: (streamed.CSV, export_tables.as_csv),
    PairFormat.PARQUET: (streamed.PARQUET, export_tables.as_parquet),
    PairFormat.ZIP: (streamed.ZIP, export_folder.as_zip),
}
