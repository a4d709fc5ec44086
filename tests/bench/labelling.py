"""Next and submit over HTTP: one client and sixteen, campaigns of 10 000 and 100 000 items.

    python -m tests.bench.labelling [--quick] [--json FILE]

One uvicorn process, the embedded servers as an installation has them (every commit on disk), clips that are
rows only; login by token, permission and full answer checks included. Clients and server share the machine.
"""

import argparse
import http.client
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import django
from django.core.management import call_command
from django.db import connection

from tests import servers  # first: it names the folder that settings read
from workbench import stack

os.environ["DJANGO_SETTINGS_MODULE"] = "workbench.settings"
PROMPTS = 500
CLIENTS = 16


def main() -> None:
    parser = argparse.ArgumentParser(description="Next and submit over HTTP")
    parser.add_argument("--quick", action="store_true", help="one campaign of 1 000 items, 3 seconds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    sizes, seconds, rounds = ([1_000], 3, 30) if options.quick else ([10_000, 100_000], 15, 150)
    services = stack.embedded_services(servers.FOLDER)
    try:
        for service in services:
            service.start()
            service.wait_ready()
        django.setup()
        call_command("migrate", verbosity=0)
        rows = [row for size in sizes for row in measure(size, seconds, rounds)]
    finally:
        for service in reversed(services):
            service.stop()
        shutil.rmtree(servers.FOLDER, ignore_errors=True)
    print("  items  clients   next p50/p95 ms   submit p50/p95 ms   pairs/s   web CPU ms/pair")
    for row in rows:
        print(
            f"{row['items']:7}  {row['clients']:7}   {row['next_p50']:7.0f} / {row['next_p95']:5.0f}"
            f"   {row['submit_p50']:9.0f} / {row['submit_p95']:5.0f}   {row['pairs_per_second']:7.1f}"
            f"   {row['cpu_ms']:15.0f}"
        )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


def measure(size: int, seconds: float, rounds: int) -> list[dict[str, float]]:
    """Rows of the table for a campaign of this many items: one client, then all."""
    campaign, tokens = make(size)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    connection.close()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {**os.environ, "SITE_URL": f"http://127.0.0.1:{port}", "DEMO": "True", "LOG_LEVEL": "WARNING"}
    quiet = ["--lifespan", "off", "--log-level", "warning"]
    command = [sys.executable, "-m", "uvicorn", "workbench.asgi:application", "--port", str(port), *quiet]
    web = subprocess.Popen(command, env=env)
    try:
        first = Client(port, tokens[0], campaign)
        first.wait()
        for _n in range(10):
            first.round()
        first.times = {"next": [], "submit": []}
        start, used = time.perf_counter(), cpu_seconds(web.pid)
        for _n in range(rounds):
            first.round()
        one = figures([first], time.perf_counter() - start, cpu_seconds(web.pid) - used)
        clients = [Client(port, token, campaign) for token in tokens]
        start, used = time.perf_counter(), cpu_seconds(web.pid)
        with ThreadPoolExecutor(len(clients)) as pool:
            until = time.monotonic() + seconds
            for done in [pool.submit(client.rounds, until) for client in clients]:
                done.result()
        many = figures(clients, time.perf_counter() - start, cpu_seconds(web.pid) - used)
    finally:
        web.terminate()
        web.wait()
    return [{"items": size, **row} for row in (one, many)]


def figures(clients: "list[Client]", seconds: float, cpu: float) -> dict[str, float]:
    """Percentiles in ms over all clients' calls, and the rate and CPU time of next + submit pairs."""
    found: dict[str, float] = {"clients": len(clients)}
    for name in ("next", "submit"):
        values = [value for client in clients for value in client.times[name]]
        found[f"{name}_p50"] = statistics.median(values)
        found[f"{name}_p95"] = statistics.quantiles(values, n=20)[-1]
    pairs = sum(len(client.times["submit"]) for client in clients)
    return found | {"pairs_per_second": pairs / seconds, "cpu_ms": 1000 * cpu / pairs}


def make(size: int) -> tuple[str, list[str]]:
    """A campaign of this many items over a few prompts, and a token for each client."""
    # Models can be imported only once Django is set up.
    from annotation.campaigns import Selection, plan
    from annotation.models import Campaign, Clip, Item, ItemClip
    from tests.annotation import rows
    from workbench.models import ApiToken, Role

    name = uuid.uuid4().hex[:8]
    manager = rows.person(f"manager-{name}", Role.MANAGER)
    if not Clip.objects.exists():
        rows.clips(PROMPTS)
    campaign = rows.campaign(manager, overlap=2)
    groups = plan(Selection()).groups
    Item.objects.filter(campaign=campaign).delete()
    for start in range(0, size, 1000):
        items = Item.objects.bulk_create(
            Item(campaign=campaign, prompt_id=groups[n % PROMPTS].prompt_id, position=n, open_slots=2)
            for n in range(start, min(start + 1000, size))
        )
        ItemClip.objects.bulk_create(
            ItemClip(item=item, clip_id=clip, position=position)
            for item in items
            for position, clip in enumerate(groups[item.position % PROMPTS].clips)
        )
    Campaign.objects.filter(pk=campaign.pk).update(items_total=size)
    people = [rows.person(f"{name}-{n}") for n in range(CLIENTS)]
    return str(campaign.pk), [ApiToken.mint(person, "bench")[1] for person in people]


class Client:
    """One annotator: takes the next item, judges it, and so on."""

    def __init__(self, port: int, token: str, campaign: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self.campaign = campaign
        self.times: dict[str, list[float]] = {"next": [], "submit": []}

    def wait(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                self.call("next", "/api/label/next", {"campaign": self.campaign})
            except OSError:
                self.connection.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return

    def rounds(self, until: float) -> None:
        while time.monotonic() < until:
            self.round()

    def round(self) -> None:
        item = self.call("next", "/api/label/next", {"campaign": self.campaign})["item"]
        picks = {"best": [item["clips"][0]["id"]], "worst": [item["clips"][3]["id"]]}
        answers = {"picks": {d["key"]: picks for d in item["dimensions"]}, "comparisons": []}
        body = {"answers": answers, "idempotency_key": str(uuid.uuid4())}
        self.call("submit", f"/api/label/{item['assignment']}/submit", body)

    def call(self, name: str, path: str, body: dict[str, Any]) -> Any:
        start = time.perf_counter()
        self.connection.request("POST", path, json.dumps(body), self.headers)
        answer = self.connection.getresponse()
        told = answer.read()
        self.times[name].append(1000 * (time.perf_counter() - start))
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {told[:300]!r}")
        return json.loads(told)


def cpu_seconds(pid: int) -> float:
    parts = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
