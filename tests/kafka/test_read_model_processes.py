"""The read model fed by several processes that are killed, ended, frozen and replaced while events come in."""

import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from threading import Event, Thread

import pytest

from infra.settings import Kafka
from infra.store import open_log
from tests.benchmarks._history import drafts, write
from tests.cli.program import dealtrail
from tests.kafka.publishing import publish, stored
from tests.kafka.running import Running
from tests.kafka.test_read_model import digests, settled

GROUP = "read-model-soak"
FROZEN = 9.0  # seconds: longer than the session, so that others take over what the frozen one held


def disturbed(url: str, kafka: Kafka, folder: Path, deeds: Sequence[str], pause: float, over: Event) -> list[str]:
    """Keep two to four processes at work, doing something to one of them after each pause; what they said."""
    random, members, frozen, ended = Random(1), list[Running](), list[Running](), list[Running]()

    def another() -> None:
        environment = {"DEALTRAIL_DB": url, "DEALTRAIL_KAFKA_SERVERS": kafka.servers}
        members.append(Running(folder, "kafka", "consume", "read_model", "--group", GROUP, **environment).ready())

    for _ in range(2):
        another()
    try:
        for deed in deeds:
            time.sleep(pause)
            victim = random.choice(members)
            members.remove(victim)
            if deed == "kill":
                victim.kill()
            elif deed == "stop":
                assert victim.stop()[0] == 0, victim.errors()
            else:
                victim.freeze()
                frozen.append(victim)
            ended.append(victim)
            while len(members) < 2 or (len(members) < 4 and random.random() < 0.5):
                another()
        time.sleep(FROZEN)
        for zombie in frozen:
            zombie.thaw()
        over.wait(180)
    finally:
        for member in (*members, *frozen):
            member.kill()
    return [member.errors() for member in (*ended, *members)]


@pytest.mark.parametrize(
    ("events", "kills", "stops", "freezes", "pause"),
    [
        pytest.param(4_000, 1, 1, 1, 3.0, id="short"),
        pytest.param(60_000, 16, 9, 6, 4.0, id="long", marks=pytest.mark.soak),
    ],
)
def test_processes_that_come_and_go_leave_every_row_right(
    sqlite_url: str,
    empty_postgres_url: str,
    topics: Kafka,
    tmp_path: Path,
    events: int,
    kills: int,
    stops: int,
    freezes: int,
    pause: float,
) -> None:
    deeds = ["kill"] * kills + ["stop"] * stops + ["freeze"] * freezes
    Random(2).shuffle(deeds)
    over, said = Event(), list[str]()
    with closing(open_log(sqlite_url)) as log:
        write(log, drafts(events, seed=11))
        rows = stored(log)
    feeding = Thread(target=lambda: said.extend(disturbed(empty_postgres_url, topics, tmp_path, deeds, pause, over)))
    feeding.start()
    try:
        pages = len(deeds) + 2
        size = -(-len(rows) // pages)
        for start in range(0, len(rows), size):
            last = publish(topics, rows[max(0, start - size // 4) : start + size])  # some of it once more
            time.sleep(pause)
        settled(empty_postgres_url, last.position, 240.0)
    finally:
        over.set()
        feeding.join()
    assert digests(empty_postgres_url, last.position) == digests(sqlite_url, last.position), said


def test_the_demo_published_and_consumed_gives_the_same_board_and_funnel(
    empty_postgres_url: str, topics: Kafka, tmp_path: Path
) -> None:
    there = {"DEALTRAIL_KAFKA_SERVERS": topics.servers}
    assert dealtrail("demo", folder=tmp_path).code == 0
    log = {**there, "DEALTRAIL_DB": "sqlite:///demo.db"}
    model = {**there, "DEALTRAIL_DB": empty_postgres_url}
    head = dealtrail("status", "--json", folder=tmp_path, **log).document()["position"]
    relay = Running(tmp_path, "kafka", "publish", **log)
    members = [Running(tmp_path, "kafka", "consume", "read_model", **model).ready() for _ in range(2)]
    try:
        settled(empty_postgres_url, head, 120.0)
    finally:
        codes = [each.stop()[0] for each in (relay, *members)]
    assert codes == [0, 0, 0], [each.errors() for each in (relay, *members)]
    now = ("--effective-at", datetime.now(UTC).isoformat())
    for verb in (["metric", "board"], ["metric", "funnel"], ["metric", "weighted"], ["metric", "win-rate"]):
        ours, theirs = (dealtrail(*verb, *now, "--json", folder=tmp_path, **where) for where in (log, model))
        assert theirs.document() == ours.document()
    ours, theirs = (
        dealtrail("log", "digest", "--to", str(head), "--json", folder=tmp_path, **where).document()
        for where in (log, model)
    )
    assert (theirs["events"], theirs["tables"]) == (ours["events"], ours["tables"])
