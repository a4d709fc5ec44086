"""Next and submit over HTTP beside Label Studio, at 1 000 and at 1 000 000 items; pages and export too.

    python -m tests.bench.labelling [--quick] [--profile] [--json FILE]

Two uvicorn processes, the embedded servers as an installation has them (every commit on disk), clips that are
rows only; token, permission and full answer checks included. Server CPU is that of the web and database
processes; the clients' is apart, but they share the machine. `--profile` says where a pair's time goes.

Where LABEL_STUDIO_URL and LABEL_STUDIO_TOKEN (a legacy token) are set, the same two calls are timed there, on
a project with as many tasks; with LABEL_STUDIO_PIDS="web database" (process ids) its CPU is measured as well.
"""

import argparse
import cProfile
import http.client
import json
import os
import pstats
import shutil
import socket
import statistics
import subprocess
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import django
from django.core.management import call_command
from django.db import connection

from tests import servers  # first: it names the folder that settings read
from workbench import stack

os.environ["DJANGO_SETTINGS_MODULE"] = "workbench.settings"
PROMPTS = 500
CLIENTS = 16
Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description="Next and submit over HTTP")
    parser.add_argument("--quick", action="store_true", help="one campaign of 1 000 items, a few seconds")
    parser.add_argument("--profile", action="store_true", help="where the time of a pair goes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    sizes = [1_000] if options.quick else [1_000, 1_000_000]
    seconds, rounds = (3, 50) if options.quick else (20, 300)
    services = stack.embedded_services(servers.FOLDER)
    found: dict[str, Any] = {"pairs": [], "pages": []}
    try:
        for service in services:
            service.start()
            service.wait_ready()
        django.setup()
        call_command("migrate", verbosity=0)
        found["statements"] = statements()
        for size in sizes:
            campaign, tokens = make(size)
            with Web() as web:
                found["pairs"] += ours(web, campaign, tokens, size, seconds, rounds)
            judge_all(campaign)
            with Web() as web:
                found["pages"].append(pages(web, campaign, size, 10 if options.quick else 40))
        if os.environ.get("LABEL_STUDIO_URL"):
            found["pairs"] += label_studio(sizes[0], seconds, rounds)
        if options.profile:
            found["profile"] = profile(*make(1_000), 400)
    finally:
        for service in reversed(services):
            service.stop()
        shutil.rmtree(servers.FOLDER, ignore_errors=True)
    tell(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


def tell(found: dict[str, Any]) -> None:
    statements = found["statements"]
    print(
        f"SQL statements, BEGIN and COMMIT included: next {statements['next']}, submit {statements['submit']}"
    )
    print("system          items  clients  next p50/p95 ms  submit p50/p95 ms  pairs/s  CPU ms/pair web + db")
    for row in found["pairs"]:
        cpu = f"{row['web_ms']:8.1f} + {row['database_ms']:.1f}" if "web_ms" in row else "     not measured"
        print(
            f"{row['system']:12} {row['items']:8}  {row['clients']:7}"
            f"  {row['next_p50']:7.1f} / {row['next_p95']:5.1f}"
            f"  {row['submit_p50']:9.1f} / {row['submit_p95']:5.1f}  {row['pairs_per_second']:7.1f}  {cpu}"
        )
    print("   items   campaign page p50/p95 ms   progress page p50/p95 ms   pair export, rows/s")
    for row in found["pages"]:
        print(
            f"{row['items']:8}   {row['campaign_p50']:16.1f} / {row['campaign_p95']:5.1f}"
            f"   {row['progress_p50']:16.1f} / {row['progress_p95']:5.1f}"
            f"   {row['export_rows_per_second']:19.0f}"
        )
    if len(found["pages"]) > 1:
        small, large = found["pages"][0], found["pages"][-1]
        mine = [row for row in found["pairs"] if row["system"] == "workbench"]
        first = {row["clients"]: row for row in mine if row["items"] == small["items"]}
        print(f"p95 at {large['items']} items over p95 at {small['items']}:")
        for row in mine:
            if row["items"] == large["items"]:
                ratios = [
                    f"{name} {row[f'{name}_p95'] / first[row['clients']][f'{name}_p95']:.2f}"
                    for name in ("next", "submit")
                ]
                print(f"{row['clients']} clients: {', '.join(ratios)}")
        print(
            f"pages: campaign {large['campaign_p95'] / small['campaign_p95']:.2f}, "
            f"progress {large['progress_p95'] / small['progress_p95']:.2f}; export's time a row "
            f"{small['export_rows_per_second'] / large['export_rows_per_second']:.2f}"
        )
    for layer, share in found.get("profile", {}).items():
        print(f"{share:6.1%}  {layer}")


# --- The server, and what it costs ------------------------------------------------------------------------


class Web:
    """uvicorn with two workers on a free port of this machine."""

    def __enter__(self) -> Self:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        site = {"SITE_URL": f"http://127.0.0.1:{self.port}", "DEMO": "True", "LOG_LEVEL": "WARNING"}
        command = [sys.executable, "-m", "uvicorn", "workbench.asgi:application", "--port", str(self.port)]
        command += ["--workers", "2", "--lifespan", "off", "--log-level", "warning"]
        self.process = subprocess.Popen(command, env={**os.environ, **site})
        deadline = time.monotonic() + 60
        while True:
            try:
                asked = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
                asked.request("GET", "/healthz")
                if asked.getresponse().status == 200:
                    return self
            except OSError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.1)

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()

    def cpu(self) -> tuple[float, float]:
        """Seconds of CPU so far: web, database."""
        postmaster = next(
            int(line)
            for line in (servers.FOLDER / "postgresql" / "postmaster.pid").read_text().splitlines()[:1]
        )
        return cpu_seconds(self.process.pid), cpu_seconds(postmaster)


def cpu_seconds(pid: int) -> float:
    """Of a process, its children, and those of them that have ended."""
    ticks = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parts = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(folder.name) == pid:
            ticks += sum(int(part) for part in parts[11:15])
        elif int(parts[1]) == pid:
            ticks += int(parts[11]) + int(parts[12])
    return ticks / os.sysconf("SC_CLK_TCK")


# --- Next and submit --------------------------------------------------------------------------------------


def ours(web: Web, campaign: str, tokens: list[str], size: int, seconds: float, rounds: int) -> list[Row]:
    """One client, then all."""
    clients = [Annotator(web.port, token, campaign) for token in tokens]
    for client in clients:
        client.rounds(n=3)
    rows = [timed(clients[:1], lambda client: client.rounds(n=rounds), web.cpu)]
    until = time.monotonic() + seconds
    rows.append(timed(clients, lambda client: client.rounds(until=until), web.cpu))
    return [{"system": "workbench", "items": size, **row} for row in rows]


def timed(
    clients: "Sequence[Caller]", work: Callable[[Any], None], cpu: Callable[[], tuple[float, float]] | None
) -> Row:
    """Percentiles in ms over all clients; the rate and the servers' CPU time of next + submit pairs."""
    for client in clients:
        client.times.clear()
    before = cpu() if cpu else (0.0, 0.0)
    start = time.perf_counter()
    with ThreadPoolExecutor(len(clients)) as pool:
        for done in [pool.submit(work, client) for client in clients]:
            done.result()
    took = time.perf_counter() - start
    after = cpu() if cpu else (0.0, 0.0)
    pairs = sum(len(client.times["submit"]) for client in clients)
    row: Row = {"clients": len(clients), "pairs_per_second": pairs / took}
    for name in ("next", "submit"):
        row |= percentiles(name, [value for client in clients for value in client.times[name]])
    if cpu:
        row["web_ms"], row["database_ms"] = (
            1000 * (b - a) / pairs for a, b in zip(before, after, strict=True)
        )
    return row


def percentiles(name: str, values: list[float]) -> Row:
    return {f"{name}_p50": statistics.median(values), f"{name}_p95": statistics.quantiles(values, n=20)[-1]}


class Caller:
    """JSON over one kept connection; the time of each named call in ms."""

    def __init__(self, port: int, authorization: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.headers = {"Authorization": authorization, "Content-Type": "application/json"}
        self.times: dict[str, list[float]] = defaultdict(list)

    def call(self, name: str, method: str, path: str, body: Any = None) -> bytes:
        start = time.perf_counter()
        self.connection.request(method, path, json.dumps(body) if body is not None else None, self.headers)
        answer = self.connection.getresponse()
        told = answer.read()
        self.times[name].append(1000 * (time.perf_counter() - start))
        if answer.status not in (200, 201):
            raise RuntimeError(f"{path}: {answer.status} {told[:300]!r}")
        return told


class Annotator(Caller):
    """Takes the next item, judges it, and so on."""

    def __init__(self, port: int, token: str, campaign: str) -> None:
        super().__init__(port, f"Bearer {token}")
        self.campaign = campaign

    def rounds(self, n: int | None = None, until: float = float("inf")) -> None:
        while n != 0 and time.monotonic() < until:
            item = json.loads(self.call("next", "POST", "/api/label/next", {"campaign": self.campaign}))[
                "item"
            ]
            path, body = submission(item)
            self.call("submit", "POST", path, body)
            n = None if n is None else n - 1


def submission(item: Row) -> tuple[str, Row]:
    """Where and what to submit: the first clip best and the last worst, everywhere."""
    picks = {"best": [item["clips"][0]["id"]], "worst": [item["clips"][-1]["id"]]}
    answers = {"picks": {d["key"]: picks for d in item["dimensions"]}, "comparisons": []}
    body = {"answers": answers, "idempotency_key": str(uuid.uuid4()), "seconds": 20.0, "played": 12.0}
    return f"/api/label/{item['assignment']}/submit", body


def statements() -> dict[str, int]:
    """SQL statements of the two calls, from token to commit."""
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    campaign, tokens = make(50)
    client = Client(SERVER_NAME="localhost", headers={"Authorization": f"Bearer {tokens[0]}"})
    counts: dict[str, int] = {}
    for _again in range(2):  # the first time also notes when the token was used
        with CaptureQueriesContext(connection) as asked:
            answer = client.post("/api/label/next", {"campaign": campaign}, content_type="application/json")
        path, body = submission(answer.json()["item"])
        with CaptureQueriesContext(connection) as answered:
            assert client.post(path, body, content_type="application/json").status_code == 200
        counts = {"next": len(asked), "submit": len(answered)}
    connection.close()
    return counts


def profile(campaign: str, tokens: list[str], pairs: int) -> dict[str, float]:
    """Share of the time in Django's handler by where it is spent, of next + submit pairs in this process."""
    from django.test import Client

    client = Client(SERVER_NAME="localhost", headers={"Authorization": f"Bearer {tokens[0]}"})

    def go(n: int) -> None:
        for _n in range(n):
            answer = client.post("/api/label/next", {"campaign": campaign}, content_type="application/json")
            path, body = submission(json.loads(answer.content)["item"])
            client.post(path, body, content_type="application/json")

    go(20)
    recorder = cProfile.Profile()
    recorder.runcall(go, pairs)
    connection.close()
    layers = {
        "psycopg": "driver and waiting for the database",
        "django/db": "Django's database layer",
        "django/test": "the test client",
        "django/": "Django: handler, middleware, addresses",
        "ninja": "API: authentication and schemas",
        "pydantic": "API: authentication and schemas",
        "annotation/": "annotation",
        "workbench/": "workbench",
        "json": "JSON",
        "csp": "Django: handler, middleware, addresses",
    }
    spent: dict[str, float] = defaultdict(float)
    table: Any = pstats.Stats(recorder).stats  # type: ignore[attr-defined]
    for (file, _line, _name), (_calls, _primitive, own, _cumulative, _callers) in table.items():
        spent[next((layer for part, layer in layers.items() if part in file), "everything else")] += own
    del spent["the test client"]
    total = sum(spent.values())
    return {layer: own / total for layer, own in sorted(spent.items(), key=lambda one: -one[1])}


# --- Pages and export of a campaign of which everything is judged -------------------------------------------


def pages(web: Web, campaign: str, size: int, times: int) -> Row:
    from django.test import Client

    from workbench.models import ApiToken, Role, User

    manager = User.objects.filter(role=Role.MANAGER).latest("pk")
    session = Client(SERVER_NAME="localhost")
    session.force_login(manager)
    cookie = "; ".join(f"{name}={value.value}" for name, value in session.cookies.items())
    caller = Caller(web.port, "")
    caller.headers = {"Cookie": cookie}
    row: Row = {"items": size}
    for name, path in (
        ("campaign", f"/campaigns/{campaign}/"),
        ("progress", f"/campaigns/{campaign}/progress/"),
    ):
        for _n in range(times + 3):
            caller.call(name, "GET", path)
        row |= percentiles(name, caller.times[name][3:])
    token = ApiToken.mint(manager, "bench")[1]
    connection.close()
    asked = http.client.HTTPConnection("127.0.0.1", web.port, timeout=120)
    start = time.perf_counter()
    asked.request(
        "GET", f"/api/campaigns/{campaign}/export/pairs", headers={"Authorization": f"Bearer {token}"}
    )
    answer, lines = asked.getresponse(), 0
    while (part := answer.read1(2**16)) and time.perf_counter() - start < 30:
        lines += part.count(b"\n")
    row["export_rows_per_second"] = lines / (time.perf_counter() - start)
    asked.close()
    return row


def judge_all(campaign: str) -> None:
    """A judgement with a pair for every item that has none, as rows; the counters say the same."""
    from annotation.campaigns import tally
    from annotation.models import Participation
    from tests.annotation import rows

    person = rows.person(f"judge-of-all-{uuid.uuid4().hex[:8]}")
    with connection.cursor() as cursor:
        cursor.execute(_JUDGE_ALL, {"campaign": campaign, "person": person.pk})
        Participation.objects.create(campaign_id=campaign, annotator=person, judged=cursor.rowcount)
        _settle(cursor)
    tally.count(uuid.UUID(campaign))
    connection.close()


def _settle(cursor: Any) -> None:
    """What a bulk load leaves to be done is done before anything is timed."""
    cursor.execute("VACUUM ANALYZE")
    cursor.execute("CHECKPOINT")


_JUDGE_ALL = """
WITH chosen AS (
    SELECT i.id AS item, gen_random_uuid() AS assignment, gen_random_uuid() AS judgement,
        (SELECT c.clip_id FROM annotation_itemclip c WHERE c.item_id = i.id AND c.position = 0) AS best,
        (SELECT c.clip_id FROM annotation_itemclip c WHERE c.item_id = i.id AND c.position = 3) AS worst
    FROM annotation_item i WHERE i.campaign_id = %(campaign)s AND i.open_slots > 0),
assigned AS (
    INSERT INTO annotation_assignment (id, item_id, campaign_id, annotator_id, state, clip_order, draft,
        draft_version, skip_reason, leased_at, expires_at, surplus)
    SELECT assignment, item, %(campaign)s, %(person)s, 'submitted', '[]', '{}', 0, '', now(), now(), false
    FROM chosen),
judged AS (
    INSERT INTO annotation_judgement (id, assignment_id, item_id, annotator_id, answers, idempotency_key,
        simulated, created_at)
    SELECT judgement, assignment, item, %(person)s, '{"picks": {}, "comparisons": []}', gen_random_uuid(),
        false, now() FROM chosen),
told AS (
    INSERT INTO annotation_preferencepair (judgement_id, dimension_id, best_id, worst_id, weight, broken_by,
        unchecked)
    SELECT judgement, (SELECT id FROM annotation_dimension WHERE campaign_id = %(campaign)s AND position = 0),
        best, worst, 1, '[]', '[]' FROM chosen)
UPDATE annotation_item SET open_slots = open_slots - 1 WHERE id IN (SELECT item FROM chosen)
"""


def make(size: int) -> tuple[str, list[str]]:
    """A campaign of this many items over a few prompts, and a token for each client."""
    # Models can be imported only once Django is set up.
    from annotation.campaigns.planning import Selection, plan
    from annotation.models import Campaign, Clip, Item, ItemClip
    from tests.annotation import rows
    from workbench.models import ApiToken, Role

    name = uuid.uuid4().hex[:8]
    manager = rows.person(f"manager-{name}", Role.MANAGER)
    if not Clip.objects.exists():
        rows.clips(PROMPTS)
    campaign = rows.campaign(manager, overlap=CLIENTS)
    groups = plan(Selection()).groups
    Item.objects.filter(campaign=campaign).delete()
    for start in range(0, size, 1000):
        items = Item.objects.bulk_create(
            Item(campaign=campaign, prompt_id=groups[n % PROMPTS].prompt_id, position=n, open_slots=CLIENTS)
            for n in range(start, min(start + 1000, size))
        )
        ItemClip.objects.bulk_create(
            ItemClip(item=item, clip_id=clip, position=position)
            for item in items
            for position, clip in enumerate(groups[item.position % PROMPTS].clips)
        )
    Campaign.objects.filter(pk=campaign.pk).update(items_total=size)
    people = [rows.person(f"{name}-{n}") for n in range(CLIENTS)]
    tokens = [ApiToken.mint(person, "bench")[1] for person in people]
    with connection.cursor() as cursor:
        _settle(cursor)
    connection.close()
    return str(campaign.pk), tokens


# --- Label Studio -----------------------------------------------------------------------------------------


def label_studio(size: int, seconds: float, rounds: int) -> list[Row]:
    """The same two calls there: a project with a choice for each of three dimensions between two videos."""
    port = urlsplit(os.environ["LABEL_STUDIO_URL"]).port or 80
    token = f"Token {os.environ['LABEL_STUDIO_TOKEN']}"
    owner = Caller(port, token)
    choices = "".join(
        f'<Choices name="d{n}" toName="v" required="true"><Choice value="1"/><Choice value="2"/></Choices>'
        for n in range(3)
    )
    config = f'<View><Video name="v" value="$video"/>{choices}</View>'
    project = json.loads(
        owner.call("make", "POST", "/api/projects", {"title": "bench", "label_config": config})
    )
    tasks = [{"data": {"video": f"http://127.0.0.1/{n}.mp4"}} for n in range(size)]
    for start in range(0, size, 1000):
        owner.call("import", "POST", f"/api/projects/{project['id']}/import", tasks[start : start + 1000])
    clients = [Labeller(port, token, project["id"]) for _n in range(CLIENTS)]
    pids = [int(pid) for pid in os.environ.get("LABEL_STUDIO_PIDS", "").split()]
    cpu = (lambda: (cpu_seconds(pids[0]), cpu_seconds(pids[1]))) if len(pids) == 2 else None
    clients[0].rounds(n=3)
    rows = [timed(clients[:1], lambda client: client.rounds(n=min(rounds, 50)), cpu)]
    until = time.monotonic() + seconds
    rows.append(timed(clients, lambda client: client.rounds(until=until), cpu))
    return [{"system": "Label Studio", "items": size, **row} for row in rows]


class Labeller(Caller):
    def __init__(self, port: int, token: str, project: int) -> None:
        super().__init__(port, token)
        self.project = project

    def rounds(self, n: int | None = None, until: float = float("inf")) -> None:
        choice = {"to_name": "v", "type": "choices", "value": {"choices": ["1"]}}
        result = [{**choice, "from_name": f"d{d}"} for d in range(3)]
        while n != 0 and time.monotonic() < until:
            task = json.loads(self.call("next", "GET", f"/api/projects/{self.project}/next"))
            body = {"result": result, "lead_time": 20.0}
            self.call("submit", "POST", f"/api/tasks/{task['id']}/annotations/", body)
            n = None if n is None else n - 1


if __name__ == "__main__":
    main()
