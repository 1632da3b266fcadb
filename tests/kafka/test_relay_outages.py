"""While the broker is away or the network is bad: appends go on, memory is bounded, and nothing is lost."""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import NamedTuple

import pytest

from infra.settings import Kafka
from infra.store import open_log
from infra.store.log import Append
from tests.benchmarks._history import drafts, write
from tests.kafka.broker import Broker, free_port
from tests.kafka.proxy import Proxy
from tests.kafka.relaying import Publishing, caught_up, checkpoint, repeats, until

GROWTH = 120_000_000  # bytes that a relay may grow by while it cannot publish


class Outage(NamedTuple):
    """Seconds of an append before and during an outage (medians), bytes of growth, seconds until it went on."""

    before: float
    during: float
    grown: int
    resumed: float


def outage(broker: Broker, url: str, folder: Path, seconds: float, rate: int) -> Outage:
    """The broker is killed and started again after some seconds, while so many appends a second go on."""
    log, kafka = open_log(url), Kafka(servers=broker.servers)
    made = iter(drafts(int(rate * (seconds + 60)), leads=0.1))

    def appended(until_over: Callable[[], bool]) -> float:
        spans = list[float]()
        while not until_over():
            started = time.perf_counter()
            log.append(Append((next(made),)))
            spans.append(time.perf_counter() - started)
            time.sleep(max(0.0, 1 / rate - spans[-1]))
        return median(spans)

    with Publishing(url, broker.servers, folder) as relay:
        beginning = time.monotonic()
        before = appended(lambda: time.monotonic() > beginning + min(seconds, 3))
        until(caught_up(url, log), "the relay")
        resident = relay.resident()
        broker.kill()
        killed = time.monotonic()
        during = appended(lambda: time.monotonic() > killed + seconds)
        grown, stood = relay.resident() - resident, checkpoint(url)
        assert log.head() > stood
        broker.start()
        resumed = until(lambda: checkpoint(url) > stood, "publishing to go on")
        until(caught_up(url, log), "the rest")
        assert relay.stop()[0] == 0, relay.errors()
        assert "no broker answers" in relay.errors()
    repeats(kafka, log)
    log.close()
    return Outage(before, during, grown, resumed)


def hold(found: Outage) -> None:
    """Generous bounds, for slow machines."""
    assert found.during < 5 * found.before + 0.05
    assert found.grown < GROWTH
    assert found.resumed < 15


def test_appends_go_on_through_an_outage_and_publishing_after_it(
    own_broker: Broker, sqlite_url: str, tmp_path: Path
) -> None:
    hold(outage(own_broker, sqlite_url, tmp_path, 5, 100))


@pytest.mark.soak
def test_an_outage_of_thirty_seconds_is_made_up_for_within_two(
    own_broker: Broker, log_url: str, tmp_path: Path
) -> None:
    found = outage(own_broker, log_url, tmp_path, 30, 300)
    print(found)
    hold(found)


@pytest.mark.parametrize("noticed", [True, pytest.param(False, marks=pytest.mark.soak)])
def test_resets_delays_and_a_hole_in_the_network_lose_nothing(
    java: None, noticed: bool, sqlite_url: str, tmp_path: Path
) -> None:
    port, proxied, folder = free_port(), free_port(), tmp_path / "kafka"
    folder.mkdir()
    log, made = open_log(sqlite_url), drafts(3000)
    with (
        Broker(folder, listeners={"PROXIED": (port, proxied, "PLAINTEXT")}) as broker,
        Proxy(proxied, port) as proxy,
        Publishing(sqlite_url, f"127.0.0.1:{proxied}", tmp_path) as relay,
    ):
        write(log, made[:500])
        until(caught_up(sqlite_url, log), "the relay")
        for start in range(500, 1500, 250):
            write(log, made[start : start + 250])
            time.sleep(0.01)
            proxy.reset()
        until(caught_up(sqlite_url, log), "what the resets held up")
        proxy.delay = 0.2
        write(log, made[1500:2000])
        until(caught_up(sqlite_url, log), "what was delayed")
        proxy.delay, proxy.swallowing = 0.0, True
        write(log, made[2000:])
        time.sleep(5)
        stood = checkpoint(sqlite_url)
        assert stood < log.head()
        proxy.swallowing = False
        if noticed:  # otherwise it is, once the request takes too long
            proxy.reset()
        until(caught_up(sqlite_url, log), "what was swallowed")
        assert relay.stop()[0] == 0, relay.errors()
        repeats(Kafka(servers=broker.servers), log)
    log.close()
