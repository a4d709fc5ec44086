"""Sixty-four people label while leases expire, web processes are killed and PostgreSQL is restarted.

Every submission that was answered with success is in the database exactly once, no slot was given twice, and
the counters say what the rows say. All from outside, over HTTP and SQL, against real processes.
"""

import http.client
import json
import os
import random
import shutil
import signal
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.runs.rig import Rig
from tests.workbench.a_stack import free_port

pytestmark = pytest.mark.slow

PEOPLE, ITEMS, OVERLAP = 64, 900, 2
SECONDS = 40
SEED = f"""
from annotation.models import Campaign
from tests.annotation import rows
from workbench.models import ApiToken, Role
campaign = rows.campaign(rows.person("manager", Role.MANAGER), items={ITEMS}, overlap={OVERLAP})
print(campaign.pk, *(ApiToken.mint(rows.person(f"p{{n}}"), "load")[1] for n in range({PEOPLE})))
"""
EXPIRE_SOME = """
UPDATE annotation_assignment SET expires_at = now() - interval '1 second'
WHERE id IN (SELECT id FROM annotation_assignment WHERE state IN ('leased', 'held') ORDER BY random() LIMIT 4)
"""


@pytest.fixture
def served() -> Iterator[tuple[Rig, int, str, list[str]]]:
    """A stack with two web processes; the campaign, and a token for each person."""
    folder = Path(tempfile.mkdtemp(prefix="wb-load-"))
    rig, port = Rig(folder), free_port()
    try:
        rig.start_postgresql()
        rig.start_valkey()
        rig.manage("migrate", "-v0")
        campaign, *tokens = rig.manage("shell", "-v0", "-c", SEED).stdout.split()
        rig.start_web(port, workers=2)
        yield rig, port, campaign, tokens
    finally:
        rig.stop()
        shutil.rmtree(folder, ignore_errors=True)


class Person(threading.Thread):
    """Labels until told to stop; sends again what was not answered, as the page does, with the same key."""

    def __init__(self, port: int, token: str, campaign: str, over: threading.Event) -> None:
        super().__init__()
        self.port, self.campaign, self.over = port, campaign, over
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self.accepted: dict[str, str] = {}
        """Key -> the judgement that the server said it stored, of each submission answered with 200."""
        self.refused: list[tuple[int, str]] = []
        self.chance = random.Random(token)

    def run(self) -> None:
        while not self.over.is_set():
            said = self.call("/api/label/next", {"campaign": self.campaign})
            if said is None:
                continue
            status, answer = said
            if status != 200:
                self.refused.append((status, str(answer)))
                continue
            if answer["item"] is None:
                return
            item = answer["item"]
            if self.chance.random() < 0.3:
                self.call("/api/label/hold", {"campaign": self.campaign})
            self.submit(item)

    def submit(self, item: dict[str, Any]) -> None:
        picks = {"best": [item["clips"][0]["id"]], "worst": [item["clips"][-1]["id"]]}
        answers = {"picks": {d["key"]: picks for d in item["dimensions"]}, "comparisons": []}
        body = {"answers": answers, "idempotency_key": str(uuid.uuid4()), "seconds": 1.0}
        path = f"/api/label/{item['assignment']}/submit"
        twice = self.chance.random() < 0.1  # a double click
        while (said := self.call(path, body)) is None:
            if self.over.is_set() and time.monotonic() > self.deadline:
                return
        for status, answer in [said] + ([again] if twice and (again := self.call(path, body)) else []):
            if status == 200:
                known = self.accepted.setdefault(str(body["idempotency_key"]), answer["judgement"])
                assert known == answer["judgement"], "the same submission, another judgement"
            else:
                self.refused.append((status, str(answer)))

    @property
    def deadline(self) -> float:
        return STARTED[0] + SECONDS + 60

    def call(self, path: str, body: dict[str, Any]) -> tuple[int, Any] | None:
        """Status and answer; None where nobody answered, or the server could not at the moment."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", path, json.dumps(body), self.headers)
            response = connection.getresponse()
            told = response.read()
            if response.status >= 500:
                raise ConnectionError(response.status)
            return response.status, json.loads(told)
        except (OSError, http.client.HTTPException):
            time.sleep(0.2 + 0.3 * self.chance.random())
            return None
        finally:
            connection.close()


STARTED = [0.0]


def test_nothing_is_lost_or_doubled_while_parts_of_the_stack_die(
    served: tuple[Rig, int, str, list[str]],
) -> None:
    rig, port, campaign, tokens = served
    over = threading.Event()
    STARTED[0] = time.monotonic()
    people = [Person(port, token, campaign, over) for token in tokens]
    for person in people:
        person.start()
    disturb(rig, port)
    over.set()
    for person in people:
        person.join(150)
        assert not person.is_alive()

    accepted = {key: judgement for person in people for key, judgement in person.accepted.items()}
    assert len(accepted) > 200, (len(accepted), [person.refused[:3] for person in people], rig.last_words())
    stored = dict(rig.rows("SELECT idempotency_key::text, id::text FROM annotation_judgement"))
    lost = {key: judgement for key, judgement in accepted.items() if stored.get(key) != judgement}
    assert lost == {}
    # Nothing but what a person did to themselves is refused: an item given back and taken by others meanwhile
    # is kept as surplus, so a submission always has a place.
    assert [said for person in people for said in person.refused] == []
    add_up(rig)


def disturb(rig: Rig, port: int) -> None:
    """Leases run out all the time; by turns a web process, all of the web and PostgreSQL die."""
    chance = random.Random(5)
    turn = 0
    next_blow = STARTED[0] + 4
    while time.monotonic() < STARTED[0] + SECONDS:
        with psycopg.connect(rig.database_url, autocommit=True) as connection:
            connection.execute(EXPIRE_SOME)
        if time.monotonic() > next_blow:
            blow = ("a web process", "PostgreSQL restarted", "all of the web", "PostgreSQL killed")[turn % 4]
            turn += 1
            if blow == "a web process":
                web = rig.services["web"].process
                assert web is not None
                children = Path(f"/proc/{web.pid}/task/{web.pid}/children").read_text().split()
                served_by = [
                    pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
                ]
                os.kill(int(chance.choice(served_by)), signal.SIGKILL)
            elif blow == "all of the web":
                rig.services["web"].kill()
                rig.start_web(port, workers=2)
            else:
                if blow == "PostgreSQL killed":
                    rig.services["PostgreSQL"].kill()
                    (rig.folder / "postgresql" / "postmaster.pid").unlink(missing_ok=True)
                else:
                    rig.services["PostgreSQL"].stop()
                rig.start_postgresql()
            next_blow = time.monotonic() + 5
        time.sleep(0.15)
    assert turn >= 4, "the machine was too slow for every blow to fall"


def add_up(rig: Rig) -> None:
    """Slots, assignments, judgements and counters say the same."""
    slots = """
        SELECT i.id, i.open_slots, count(a.id) FILTER (
            WHERE a.state IN ('leased', 'held') OR (a.state = 'submitted' AND NOT a.surplus))
        FROM annotation_item i LEFT JOIN annotation_assignment a ON a.item_id = i.id GROUP BY i.id
    """
    assert [row for row in rig.rows(slots) if row[1] + row[2] != OVERLAP] == []
    once = """
        SELECT a.id, count(j.id) FROM annotation_assignment a
        LEFT JOIN annotation_judgement j ON j.assignment_id = a.id
        GROUP BY a.id, a.state HAVING count(j.id) <> (a.state = 'submitted')::int
    """
    assert rig.rows(once) == []
    counted = """
        SELECT p.annotator_id, p.judged, p.surplus, p.seconds, count(j.id) FILTER (WHERE NOT a.surplus),
            count(j.id) FILTER (WHERE a.surplus), COALESCE(sum(j.seconds), 0)
        FROM annotation_participation p
        LEFT JOIN annotation_judgement j ON j.annotator_id = p.annotator_id
        LEFT JOIN annotation_assignment a ON a.id = j.assignment_id
        GROUP BY p.id
    """
    assert [row for row in rig.rows(counted) if row[1:4] != row[4:7]] == []
    pairs = """
        SELECT j.id, count(p.id) FROM annotation_judgement j
        LEFT JOIN annotation_preferencepair p ON p.judgement_id = j.id GROUP BY j.id HAVING count(p.id) <> 4
    """
    assert rig.rows(pairs) == []
