"""What the broker client gets wrong, shown as it is, and that none of it reaches what we publish."""

import gc
import logging
import time
from collections import Counter
from collections.abc import Iterator
from threading import Event, Thread
from typing import Any, NamedTuple

import pytest
from kafka.errors import KafkaError

from domain.errors import Unavailable
from infra.kafka.checkpoint import held
from infra.kafka.client import Producer, producer
from infra.kafka.in_flight import InFlight
from infra.kafka.relay import Relay, sending
from infra.kafka.topic_administration import ensure
from infra.kafka.topics import INTAKE
from infra.settings import Kafka
from infra.store import open_log
from infra.store.leases import open_leases
from tests.benchmarks._history import drafts, write
from tests.kafka.broker import Broker
from tests.kafka.relaying import repeats, until

# what it opened in vain during an outage the client leaves to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")

MANY, FEW = 500, 20
HASTY = {"delivery_timeout_ms": 2500, "request_timeout_ms": 1500}


@pytest.fixture(scope="module", autouse=True)
def quiet() -> Iterator[None]:
    """What the client logs holds its sockets, for as long as pytest keeps it."""
    logger = logging.getLogger("kafka")
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(logging.NOTSET)
    gc.collect()


class Outage(NamedTuple):
    """What became of the messages of three producers that were under way when the broker was killed."""

    broker: Broker
    ours: InFlight
    hasty: Producer
    of_hasty: list[Any]
    careless: Producer
    of_careless: list[Any]

    @property
    def kafka(self) -> Kafka:
        return Kafka(servers=self.broker.servers)


def outcomes(sent: list[Any]) -> Counter[str]:
    return Counter(
        "pending" if not each.is_done else type(each.exception).__name__ if each.exception else "sent" for each in sent
    )


@pytest.fixture(scope="module")
def outage(java: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outage]:
    with Broker(tmp_path_factory.mktemp("kafka")) as broker:
        kafka = Kafka(servers=broker.servers)
        ensure(kafka)
        hasty, careless, ours = producer(kafka, **HASTY), producer(kafka, **HASTY), producer(kafka)
        for each in (hasty, careless, ours):
            each.send(INTAKE.name, b"warm", b"key").get(30)
        window = InFlight(kafka, ours, 0, {}, patience=2.0)
        broker.freeze()
        of_hasty = [hasty.send(INTAKE.name, b"x" * 300, b"key") for _ in range(MANY)]
        with careless.burst():  # in one batch
            of_careless = [careless.send(INTAKE.name, b"x" * 300, b"key") for _ in range(FEW)]
        assert all(window.send(number, INTAKE.name, 0, b"key", b"x" * 300) for number in range(1, MANY + 1))
        time.sleep(0.3)
        broker.kill()
        over = time.monotonic() + 5
        while time.monotonic() < over:
            window.settle()  # longer than its patience, and yet not stuck: no broker answers
            time.sleep(0.05)
        broker.start()
        until(lambda: outcomes(of_hasty)["KafkaTimeoutError"] > 0, "a batch to be given up")
        until(lambda: outcomes(of_careless)["KafkaTimeoutError"] == FEW, "the batch to be given up")
        yield Outage(broker, window, hasty, of_hasty, careless, of_careless)
        for each in (hasty, careless, ours):
            each.abandon()
            each.let_go()


def test_a_batch_that_expires_wedges_the_idempotent_producer_for_good(outage: Outage) -> None:
    assert outcomes(outage.of_hasty)["sent"] == 0
    after = outage.hasty.send(INTAKE.name, b"after", b"key")
    with pytest.raises(KafkaError):  # the broker is there, and yet nothing goes out any more
        after.get(4)


def test_our_producer_outlives_the_same_outage(outage: Outage) -> None:
    def acknowledged() -> bool:
        outage.ours.settle()
        return outage.ours.position == MANY

    until(acknowledged, "all to be acknowledged")
    assert outage.ours.send(MANY + 1, INTAKE.name, 0, b"key", b"after")
    until(lambda: outage.ours.settle() or not outage.ours, "one more")


def test_who_does_not_look_at_what_became_of_a_message_never_hears_that_it_was_lost(outage: Outage) -> None:
    outage.careless.flush(5)  # says nothing
    outage.careless.close(5)  # says nothing
    assert outcomes(outage.of_careless) == {"KafkaTimeoutError": FEW}


def test_a_client_that_is_stuck_though_the_broker_answers_is_found_out(outage: Outage) -> None:
    window = InFlight(outage.kafka, outage.hasty, 0, {}, patience=2.0)
    assert window.send(1, INTAKE.name, 0, b"key", b"after")
    with pytest.raises(Unavailable, match="none was acknowledged"):
        for _ in range(600):
            window.settle()
            time.sleep(0.05)


def test_the_relay_notices_what_was_not_sent_and_a_restart_loses_nothing(outage: Outage, sqlite_url: str) -> None:
    kafka, log, leases = outage.kafka, open_log(sqlite_url), open_leases(sqlite_url)
    made = drafts(1500)
    ensure(kafka)
    write(log, made[:500])
    with held(leases, Event(), print) as checkpoint:
        assert checkpoint
        hasty = producer(kafka, max_block_ms=500, **HASTY)
        relay, failures = Relay(kafka, log, leases, checkpoint, hasty, print), list[BaseException]()

        def run() -> None:
            try:
                relay.run(Event())
            except Unavailable as error:
                failures.append(error)

        thread = Thread(target=run)
        thread.start()
        until(lambda: relay.position == log.head(), "the first events")
        outage.broker.kill()
        write(log, made[500:])
        thread.join(60)
        hasty.let_go()
        assert "could not be sent" in str(failures[0])
        outage.broker.start()
    stop = Event()
    with held(leases, stop, print) as checkpoint, sending(kafka) as sender:
        assert checkpoint
        again = Relay(kafka, log, leases, checkpoint, sender, print)
        thread = Thread(target=again.run, args=(stop,))
        thread.start()
        until(lambda: again.position == log.head(), "the rest")
        stop.set()
        thread.join()
    repeats(kafka, log)
    leases.close()
    log.close()
