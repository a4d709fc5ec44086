"""Next and submit over HTTP: one client and sixteen, campaigns of 10 000 and 100 000 items.

    python -m tests.bench.bench_labelling [ITEMS ...]

One uvicorn process, the embedded PostgreSQL with its safe settings off (as tests have it), clips that are
rows only. Printed per campaign: p50 and p95 of next and of submit, judgements a second, and CPU time of the
web process per next and submit.
"""

import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from tests import servers

PROMPTS = 500
ROUNDS = 150
SECONDS = 15
CLIENTS = 16


def main(sizes: list[int]) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "workbench.settings"
    servers.pytest_configure()
    try:
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        for size in sizes:
            measure(size)
    finally:
        servers.pytest_unconfigure()


def measure(size: int) -> None:
    from django.db import connection

    campaign, tokens = make(size)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    connection.close()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {**os.environ, "SITE_URL": f"http://127.0.0.1:{port}", "DEMO": "True", "LOG_LEVEL": "WARNING"}
    command = [
        "uvicorn",
        "workbench.asgi:application",
        "--port",
        str(port),
        "--lifespan",
        "off",
        "--log-level",
        "warning",
    ]
    web = subprocess.Popen([sys.executable, "-m", *command], env=env)
    try:
        first = Client(port, tokens[0], campaign)
        first.wait()
        for _n in range(10):
            first.round()
        first.times = {"next": [], "submit": []}
        used = cpu_seconds(web.pid)
        for _n in range(ROUNDS):
            first.round()
        each = (cpu_seconds(web.pid) - used) / ROUNDS
        print(f"{size} items, 1 client: {first.figures()}, {1000 * each:.0f} ms CPU each")
        clients = [Client(port, token, campaign) for token in tokens]
        until = time.monotonic() + SECONDS
        threads = [threading.Thread(target=client.rounds, args=(until,)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        everything = Client(port, "", campaign)
        for client in clients:
            for name, values in client.times.items():
                everything.times[name] += values
        rate = len(everything.times["submit"]) / SECONDS
        print(f"{size} items, {CLIENTS} clients: {everything.figures()}, {rate:.1f} judgements/s")
    finally:
        web.terminate()
        web.wait()


def make(size: int) -> tuple[str, list[str]]:
    """A campaign of this many items over a few prompts, and a token for each client."""
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

    def figures(self) -> str:
        def one(name: str) -> str:
            values = self.times[name]
            p95 = statistics.quantiles(values, n=20)[-1]
            return f"{name} p50 {statistics.median(values):.0f} ms p95 {p95:.0f} ms"

        return ", ".join(one(name) for name in self.times)


def cpu_seconds(pid: int) -> float:
    parts = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [10_000, 100_000])
