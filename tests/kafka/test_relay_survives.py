"""Whatever is killed or frozen, whenever: nothing is lost, and what comes twice is known by its id."""

import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from infra.kafka.topics import EVENT_TOPICS
from infra.settings import Kafka
from infra.store import Log, open_log
from infra.store.leases import EXPIRY, RELAY, standing_at
from tests.benchmarks._history import drafts, write
from tests.cli.program import ENTRY
from tests.kafka.broker import Broker
from tests.kafka.relaying import HASTY, Publishing, caught_up, checkpoint, read, repeats, until

UNFENCED = """
import sys
import infra.store.leases as leases
leases.EXPIRY = 2
class Unfenced(leases.SqliteLeases):
    def __init__(self, file):
        super().__init__(file)
        self._keep = self._keep.replace("AND epoch = ?", "AND epoch >= ?")
leases.SqliteLeases = Unfenced
from infra.cli.main import main
main(sys.argv[1:])
"""


class Ordeal(NamedTuple):
    """What is done while so many events are published."""

    events: int
    kills: int
    broker_kills: int
    seed: int = 1


SHORT = Ordeal(events=4_000, kills=2, broker_kills=1)
LONG = Ordeal(events=100_000, kills=10, broker_kills=4)


def survived(ordeal: Ordeal, broker: Broker, url: str, folder: Path, entry: str = ENTRY) -> int:
    """Two relays at once, killed, one of them frozen until it lost its lease, the broker killed: the repeats."""
    log, random = open_log(url), Random(ordeal.seed)
    made, kafka = drafts(ordeal.events), Kafka(servers=broker.servers)
    acts = ["relay"] * ordeal.kills + ["broker"] * ordeal.broker_kills + ["freeze"]
    random.shuffle(acts)
    part = len(made) // (len(acts) + 1)
    write(log, made[:part])
    with (
        Publishing(url, broker.servers, folder, entry=entry) as first,
        Publishing(url, broker.servers, folder, entry=entry) as second,
    ):
        until(lambda: checkpoint(url) > 0, "the first events")
        for turn, act in enumerate(acts, 1):
            write(log, made[turn * part : (turn + 1) * part if turn < len(acts) else len(made)])
            time.sleep(random.random() * 0.5)
            if act == "relay":
                _holder(url, first, second).kill()
            elif act == "broker":
                broker.kill()
                time.sleep(random.random() * 2)
                broker.start()
            else:
                frozen = _holder(url, first, second)
                frozen.freeze()
                until(_taken_over(url, frozen), "another relay to take over", 4 * EXPIRY + 30)
                frozen.thaw()
                assert frozen.process.wait(60) == 1
                assert "another relay has taken over" in frozen.errors()
            for each in (first, second):
                each.kept_alive()
        until(_published(url, log, first, second), "all to be published", 300)
        assert {first.stop()[0], second.stop()[0]} == {0}
    again = repeats(kafka, log)
    log.close()
    return again


def _owner(url: str) -> str:
    """The process that holds the lease."""
    found = standing_at(url, RELAY)
    return found.owner.rpartition(":")[2] if found and found.alive else ""


def _taken_over(url: str, frozen: Publishing) -> Callable[[], bool]:
    return lambda: _owner(url) not in ("", str(frozen.process.pid))


def _holder(url: str, *both: Publishing) -> Publishing:
    """Which of them publishes; started again, where both have ended."""
    found = list[Publishing]()

    def known() -> bool:
        for each in both:
            each.kept_alive()
        found[:] = [each for each in both if str(each.process.pid) == _owner(url)]
        return bool(found)

    until(known, "one of them to publish")
    return found[0]


def _published(url: str, log: Log, *both: Publishing) -> Callable[[], bool]:
    def done() -> bool:
        for each in both:
            each.kept_alive()
        return checkpoint(url) >= log.head()

    return done


def test_killed_and_frozen_relays_and_a_killed_broker_lose_nothing(
    own_broker: Broker, sqlite_url: str, tmp_path: Path
) -> None:
    survived(SHORT, own_broker, sqlite_url, tmp_path, HASTY)


@pytest.mark.soak
def test_ten_killed_relays_and_four_killed_brokers_lose_nothing_of_a_hundred_thousand(
    own_broker: Broker, log_url: str, tmp_path: Path
) -> None:
    print("repeats:", survived(LONG, own_broker, log_url, tmp_path))


@pytest.mark.parametrize("fenced", [True, False])
def test_only_the_epoch_keeps_a_thawed_relay_from_setting_the_checkpoint_back(
    fenced: bool, sqlite_url: str, topics: Kafka, tmp_path: Path
) -> None:
    log, made = open_log(sqlite_url), drafts(400)
    write(log, made[:100])
    frozen_entry = HASTY if fenced else UNFENCED
    with Publishing(sqlite_url, topics.servers, tmp_path, entry=frozen_entry) as frozen:
        until(caught_up(sqlite_url, log), "the first relay")
        frozen.freeze()
        write(log, made[100:])
        with Publishing(sqlite_url, topics.servers, tmp_path, entry=HASTY) as other:
            until(caught_up(sqlite_url, log), "the other relay")
            assert other.stop()[0] == 0
        frozen.thaw()
        if fenced:
            assert frozen.process.wait(60) == 1
            assert "another relay has taken over" in frozen.errors()
            assert repeats(topics, log) == 0
        else:  # it goes on from where it stood, and publishes again what the other one has published
            until(lambda: len([*read(topics, *EVENT_TOPICS)]) >= 700, "the repeats")
            frozen.stop()
            assert repeats(topics, log) == 300
    log.close()
