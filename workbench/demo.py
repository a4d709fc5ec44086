"""The demo's accounts and what its visitors are told. Nothing here is meant for an installation."""

from dataclasses import dataclass

from workbench.models import Role

PASSWORD = "try-the-workbench"  # noqa: S105 (printed on purpose; the demo listens on loopback only)
ENGINEER, MANAGER = "engineer", "manager"


@dataclass(frozen=True)
class Account:
    username: str
    role: Role
    what: str


ACCOUNTS = (
    Account("annotator", Role.ANNOTATOR, "labels clips: picks the best and the worst of a group"),
    Account("expert", Role.EXPERT, "scores clips"),
    Account(ENGINEER, Role.ENGINEER, "launches runs, watches them live, exports data"),
    Account(MANAGER, Role.MANAGER, "imports clips, makes campaigns, invites people, reads the audit trail"),
)
TRY_FIRST = (
    "As annotator: open the labelling page and judge a group of the generator's clips from the keyboard.",
    "As engineer: open Rounds, let simulated annotators do the rest, and watch reward models being trained.",
    "As manager: make a campaign of your own and export its preference pairs.",
)
