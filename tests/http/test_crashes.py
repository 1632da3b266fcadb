"""Killed at any moment, under load: each acknowledged command is there once, and none twice after it is sent again."""

import threading
import time
from pathlib import Path

import httpx
import pytest

from infra.application.app import opened
from infra.settings import Settings
from tests.http.program import running

CLIENTS = 6


def killed_under_load(db: str, folder: Path, rounds: int, seconds: float) -> None:
    """Some clients send leads with keys, and each again until it is answered, while the service is killed."""
    answered: list[dict[str, str]] = [{} for _ in range(CLIENTS)]
    place, ends = list[str](), threading.Event()

    def client(number: int) -> None:
        count = 0
        http = httpx.Client(timeout=5, verify=False)
        while not ends.is_set():
            key = f"c{number}-{count}"
            try:
                answer = http.post(f"{place[0]}/v1/leads", json={"source": key}, headers={"idempotency-key": key})
            except httpx.HTTPError:
                http.close()
                http = httpx.Client(timeout=5, verify=False)
                time.sleep(0.02)
                continue
            if answer.status_code in (200, 201):
                answered[number][key] = answer.json()["stream"]
                count += 1
            else:
                assert answer.status_code == 503, answer.text
        http.close()

    with running(db, folder) as first:
        place.append(first.url)
    port = int(place[0].rpartition(":")[2])
    clients = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for each in clients:
        each.start()
    try:
        for round_ in range(rounds):
            with running(db, folder, port) as service:
                time.sleep(seconds * (1 + round_ % 3))
                service.process.kill()
        with running(db, folder, port):
            time.sleep(seconds)
            ends.set()
            for each in clients:
                each.join(20)
    finally:
        ends.set()
    with opened(Settings(db=db, key_file=str(folder / "key"))) as app:
        facts = [fact for fact in app.log.recorded(0, 1_000_000) if fact.stream.startswith("lead-")]
        stored = [getattr(fact.event, "source") for fact in facts]  # noqa: B009
    assert len(stored) == len(set(stored)), "none twice"
    sent = {key: stream for each in answered for key, stream in each.items()}
    assert len(sent) > rounds * CLIENTS
    assert set(sent) <= set(stored), "each acknowledged one is there"
    assert {fact.stream for fact in facts} >= set(sent.values())


@pytest.mark.slow
def test_killed_twice_under_load_it_keeps_what_it_acknowledged_and_repeats_nothing(
    log_url: str, tmp_path: Path
) -> None:
    killed_under_load(log_url, tmp_path, 2, 0.4)


@pytest.mark.soak
def test_killed_twenty_times_under_load(log_url: str, tmp_path: Path) -> None:
    killed_under_load(log_url, tmp_path, 20, 0.7)
