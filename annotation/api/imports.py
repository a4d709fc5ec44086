"""API of judgements made elsewhere: what would fit, and bringing it in."""

import uuid
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import File, Form, Router, Schema
from ninja.files import UploadedFile
from pydantic import Field, WithJsonSchema

from annotation.exchange import judgementimport
from annotation.exchange.judgementfile import MAX_BYTES, JudgementFileError
from annotation.exchange.judgementimport import Format
from workbench.access import audit, require
from workbench.answers import Misfits, Problem
from workbench.models import User
from workbench.refusals import Invalid

router = Router(tags=["campaigns"])

ImportFormat = Annotated[
    Format, WithJsonSchema({"type": "string", "enum": Format.values, "title": "Judgement file format"})
]


class JudgementsIn(Schema):
    format: ImportFormat
    dry_run: bool = Field(True, description="Say what would happen; store nothing")
    partly: bool = Field(False, description="Leave out what does not fit, for good")


class NamedDimension(Schema):
    name: str = Field(description="In the file")
    key: str
    reward: str


class FileProblem(Schema):
    line: int
    code: str
    text: str


class JudgementImportReport(Schema):
    format: str
    source: str = Field(description="The file's name")
    stored: bool
    campaign: uuid.UUID | None
    statements: int
    judgements: int
    items: int
    clips: int
    annotators: int
    ties: int
    pairs: int
    pairs_broken: int
    dimensions: list[NamedDimension]
    problems: list[FileProblem]
    notes: list[str]


@router.post("/import", response={200: JudgementImportReport, 409: Problem, 422: Misfits})
def import_judgements(request: HttpRequest, file: File[UploadedFile], how: Form[JudgementsIn]) -> Any:
    """Judgements of a Label Studio export or a table of pairs, as a closed campaign; all of it or nothing.

    The clips that the file names must be in the workbench: known by SHA-256 or by their files' names.
    """
    require(request.user, "campaigns.manage")
    assert isinstance(request.user, User)
    content, name = file.read(MAX_BYTES + 1), file.name or ""
    try:
        if how.dry_run:
            return judgementimport.preview(how.format, content, name).to_json()
        report = judgementimport.bring_in(how.format, content, name, request.user, partly=how.partly)
    except JudgementFileError as error:
        raise Invalid("file", str(error), where="body.file") from error
    audit(request, "campaign.import", None, format=how.format, source=name, campaign=report.campaign)
    return report.to_json()
