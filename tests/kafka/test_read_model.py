"""The read model that is fed from Kafka holds, at every watermark, what the tables beside the log hold."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
import pytest

from domain.errors import Forbidden, Rejected
from domain.recorded import Fact, micros
from infra.application.digests import events_digest
from infra.kafka import client
from infra.kafka.client import group_consumer
from infra.kafka.envelope import Message, headers
from infra.kafka.exactly_once import Member
from infra.kafka.read_model import ReadModel
from infra.kafka.topics import EVENT_TOPICS, OPPORTUNITIES, POSITIONS, topic_of
from infra.settings import Kafka
from infra.store import Log, open_log
from infra.store.codec import fact_of
from infra.store.log import Append
from infra.store.replica import Fenced, Move, Refuse, Replica, Run, create_replica, parked_at
from infra.views import Views
from projections import PROJECTIONS
from projections.query.question import Question
from projections.versions import Projection
from tests.benchmarks._history import drafts, write
from tests.kafka.publishing import publish, stored

PLACE = OPPORTUNITIES.name, 3
NAMES = [topic.name for topic in (*EVENT_TOPICS, POSITIONS)]
PATIENCE = 90.0


@pytest.fixture
def log(sqlite_url: str) -> Iterator[Log]:
    """A log with some thousand events, late ones among them."""
    opened = open_log(sqlite_url)
    write(opened, drafts(3000, seed=7))
    yield opened
    opened.close()


@contextmanager
def consuming(kafka: Kafka, url: str, group: str) -> Iterator[ReadModel]:
    """A member of a group in a thread of its own."""
    model, stop = ReadModel(url, group, print), threading.Event()
    with ThreadPoolExecutor() as pool, closing(group_consumer(kafka, group)) as consumer:
        ran = pool.submit(Member(consumer, NAMES, model, print).run, stop)
        try:
            yield model
        finally:
            stop.set()
            ran.result()
            model.close()


def digests(url: str, position: int) -> dict[str, Any]:
    """What a log and its tables come to, up to a position."""
    with closing(open_log(url)) as log, Views.open(url, log) as views:
        views.catch_up()
        return {"events": events_digest(log, position), **views.digest(position)}


def settled(url: str, position: int, patience: float = PATIENCE) -> None:
    """Wait until a read model is complete up to a position."""
    create_replica(url)
    with closing(open_log(url)) as log:
        until = time.monotonic() + patience
        while log.head() < position:
            assert time.monotonic() < until, f"at {log.head()}, wanted {position}"
            time.sleep(0.02)


def test_at_a_watermark_the_tables_equal_those_beside_the_log(
    log: Log, sqlite_url: str, empty_postgres_url: str, topics: Kafka
) -> None:
    rows = stored(log)
    half = len(rows) // 2
    with consuming(topics, empty_postgres_url, f"g-{uuid4()}"):
        first = publish(topics, rows[:half])
        settled(empty_postgres_url, first.position)
        assert digests(empty_postgres_url, first.position) == digests(sqlite_url, first.position)
        # the second half comes with the first half once more, as after a crash of the relay
        last = publish(topics, rows)
        settled(empty_postgres_url, last.position)
    assert last.position == log.head()
    assert digests(empty_postgres_url, last.position) == digests(sqlite_url, last.position)


def test_the_verbs_answer_from_a_read_model_as_from_the_log(
    log: Log, sqlite_url: str, empty_postgres_url: str, topics: Kafka
) -> None:
    with consuming(topics, empty_postgres_url, f"g-{uuid4()}"):
        settled(empty_postgres_url, publish(topics, stored(log)).position)
        with closing(open_log(empty_postgres_url)) as copy:
            for name in ("board", "funnel", "weighted", "win-rate", "waterfall"):
                before = 1000 if name == "waterfall" else None
                question = Question(known_before=before, effective_at=micros(datetime.now(UTC)))
                assert asked(copy, empty_postgres_url, name, question) == asked(log, sqlite_url, name, question)
            with Views.open(empty_postgres_url, copy) as views:
                assert views.check().equal


def asked(log: Log, url: str, name: str, question: Question) -> Any:
    """What a metric comes to."""
    with Views.open(url, log) as views:
        views.catch_up()
        return msgspec.to_builtins(views.ask(name, question))


def test_a_group_that_joins_late_ends_equal(
    log: Log, sqlite_url: str, empty_postgres_url: str, another_postgres_url: str, topics: Kafka
) -> None:
    last = publish(topics, stored(log))
    for url in (empty_postgres_url, another_postgres_url):
        with consuming(topics, url, f"g-{uuid4()}"):
            settled(url, last.position)
        assert digests(url, last.position) == digests(sqlite_url, last.position)


def test_tables_rebuilt_beside_the_consumer_are_fed_on(
    log: Log, sqlite_url: str, empty_postgres_url: str, topics: Kafka
) -> None:
    rows = stored(log)
    third = len(rows) // 3
    with consuming(topics, empty_postgres_url, f"g-{uuid4()}"):
        settled(empty_postgres_url, publish(topics, rows[:third]).position)
        publish(topics, rows[third : 2 * third], mark=False)  # received, and not complete yet
        with closing(open_log(empty_postgres_url)) as copy, Views.open(empty_postgres_url, copy) as views:
            until = time.monotonic() + PATIENCE
            while received(empty_postgres_url) < 2 * third:
                assert time.monotonic() < until
                time.sleep(0.02)
            assert views.rebuild() == rows[third - 1][3]
        last = publish(topics, rows[2 * third :])
        settled(empty_postgres_url, last.position)
    assert digests(empty_postgres_url, last.position) == digests(sqlite_url, last.position)


def received(url: str) -> int:
    """How many events a read model has been given."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM received").fetchone()
        assert row
        return row[0]


def test_tables_of_a_new_version_take_over(log: Log, sqlite_url: str, empty_postgres_url: str) -> None:
    found = messages(stored(log))
    mark = Message(POSITIONS.name, 0, 0, b"log", b'{"position":900,"offsets":{"%s":{"3":900}}}' % PLACE[0].encode(), [])
    with model_at(empty_postgres_url, projections=PROJECTIONS[1:]) as old:
        epoch, _ = claimed(old)
        marks, _ = old.claim([(POSITIONS.name, 0)])[POSITIONS.name, 0]
        take_in(old, found[:1000], epoch)  # a hundred of them ahead of the watermark
        old.take_in([Move(POSITIONS.name, 0, marks, 0, 1)], {(POSITIONS.name, 0): [mark]})
        old.settle()
        with model_at(empty_postgres_url) as new:
            epoch, following = claimed(new)
            take_in(new, found[following:2000], epoch)
            with pytest.raises(Rejected, match="newer"):
                take_in(old, found[2000:], epoch)
            take_in(new, found[2000:], epoch)
    assert rows_of(empty_postgres_url) == rows_beside(log, sqlite_url)


def test_what_is_no_event_is_told_and_passed_over(
    log: Log, sqlite_url: str, empty_postgres_url: str, topics: Kafka, capfd: pytest.CaptureFixture[str]
) -> None:
    with closing(client.producer(topics)) as producer:
        for name in (EVENT_TOPICS[0].name, POSITIONS.name):
            producer.send(name, b"not ours", key=b"x", partition=0).get(10)
    with consuming(topics, empty_postgres_url, f"g-{uuid4()}"):
        last = publish(topics, stored(log))
        settled(empty_postgres_url, last.position)
    assert digests(empty_postgres_url, last.position) == digests(sqlite_url, last.position)
    said = capfd.readouterr().out
    assert "sales.lead.events.v1, partition 0, offset 0: this is no event of dealtrail: 'ce_id'" in said
    assert "sales.log.positions.v1, partition 0, offset 0: this is no watermark" in said


def test_nothing_else_is_appended_to_a_read_model(empty_postgres_url: str) -> None:
    ReadModel(empty_postgres_url, "g", print).close()
    with closing(open_log(empty_postgres_url)) as copy, pytest.raises(Forbidden, match="fed from Kafka"):
        copy.append(Append(drafts(1)))


def test_a_database_with_a_log_of_its_own_is_refused(postgres_url: str) -> None:
    with pytest.raises(Rejected, match="a log of its own"):
        ReadModel(postgres_url, "g", print)


@contextmanager
def model_at(url: str, projections: Sequence[Projection] = PROJECTIONS) -> Iterator[ReadModel]:
    """A read model without a broker."""
    model = ReadModel(url, "g", print, projections)
    try:
        yield model
    finally:
        model.close()


def messages(rows: Sequence[Any], start: int = 0) -> list[Message]:
    """Rows as the messages of one partition."""
    return [
        Message(topic_of(row[1]).name, PLACE[1], at, row[1].encode(), row[16], headers(row, b"/dealtrail"))
        for at, row in enumerate(rows, start)
    ]


def claimed(model: ReadModel) -> tuple[int, int]:
    """The epoch and the next offset of one partition, taken over."""
    return model.claim([PLACE])[PLACE]


def take_in(model: ReadModel, found: Sequence[Message], epoch: int) -> None:
    """One batch of one partition."""
    model.take_in([Move(*PLACE, epoch, found[0].offset, found[-1].offset + 1)], {PLACE: found})


def test_a_hole_in_a_stream_parks_what_comes_after_it_and_all_other_streams_go_on(
    log: Log, sqlite_url: str, empty_postgres_url: str
) -> None:
    rows = stored(log)
    stream = next(row[1] for row in rows if row[2] == 3)
    holed = [row for row in rows if row[1] != stream or row[2] != 2]
    with model_at(empty_postgres_url) as model:
        epoch, _ = claimed(model)
        take_in(model, messages(holed), epoch)
        later = [row for row in rows if row[1] == stream and row[2] > 2]
        count, last = parked_at(empty_postgres_url)
        assert (count, received(empty_postgres_url)) == (len(later), len(rows) - 1 - len(later))
        assert f"{stream}: version 3 came without version 2, which its topic has lost" in {each.reason for each in last}
        take_in(model, messages([row for row in rows if row[1] == stream], len(rows)), epoch)  # published again
    assert rows_of(empty_postgres_url) == rows_beside(log, sqlite_url)


def test_events_of_another_log_are_parked_by_name(log: Log, empty_postgres_url: str) -> None:
    row, other = stored(log)[:2]
    with model_at(empty_postgres_url) as model:
        epoch, _ = claimed(model)
        take_in(model, messages([row]), epoch)
        strange = [row._replace(event_id=str(uuid4())), row._replace(event_id=str(uuid4()), stream="opportunity-other")]
        take_in(model, messages(strange, 1), epoch)
        foreign = messages([other], 3)[0]
        mine, theirs = (("ce_logid", name * 32) for name in (b"a", b"b"))
        take_in(model, [foreign._replace(offset=3, headers=[*foreign.headers, mine])], epoch)
        take_in(model, [foreign._replace(offset=4, headers=[*foreign.headers, theirs])], epoch)
    _, last = parked_at(empty_postgres_url)
    reasons = {each.offset: each.reason for each in last}
    assert set(reasons) == {1, 2, 4}
    assert "is another event here" in reasons[1]
    assert "where another event is here" in reasons[2]
    assert "of another log (bbbb" in reasons[4]
    assert received(empty_postgres_url) == 2


def test_a_zombie_writes_nothing(log: Log, sqlite_url: str, empty_postgres_url: str) -> None:
    found = messages(stored(log))
    with model_at(empty_postgres_url) as zombie, model_at(empty_postgres_url) as heir:
        epoch, _ = claimed(zombie)
        take_in(zombie, found[:1000], epoch)
        later, following = claimed(heir)
        assert (later, following) == (epoch + 1, 1000)
        take_in(heir, found[1000:], later)
        with pytest.raises(Fenced):
            take_in(zombie, found[1000:2000], epoch)
    assert rows_of(empty_postgres_url) == rows_beside(log, sqlite_url)


def test_without_the_fence_the_raw_events_still_keep_a_zombie_from_doubling_rows(
    log: Log, sqlite_url: str, empty_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Replica, "advance", lambda *_: None)
    with model_at(empty_postgres_url) as model:
        take_in(model, messages(stored(log)), 1)
        take_in(model, messages(stored(log)[1000:2000]), 1)
    assert rows_of(empty_postgres_url) == rows_beside(log, sqlite_url)


def test_without_fence_and_raw_events_a_zombie_doubles_rows(
    log: Log, sqlite_url: str, empty_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Replica.keep

    def all_of_it(self: Replica, run: Run, rows: Sequence[Any], refuse: Refuse) -> list[Fact]:
        kept(self, run, rows, refuse)
        return [fact_of(row) for row in rows]

    monkeypatch.setattr(Replica, "advance", lambda *_: None)
    monkeypatch.setattr(Replica, "keep", all_of_it)
    with model_at(empty_postgres_url) as model:
        take_in(model, messages(stored(log)), 1)
        assert rows_of(empty_postgres_url) == rows_beside(log, sqlite_url)
        take_in(model, messages(stored(log)[1000:2000]), 1)
    assert rows_of(empty_postgres_url) != rows_beside(log, sqlite_url)


def rows_of(url: str) -> dict[str, str]:
    """The tables of a read model as they are, complete or not."""
    with closing(open_log(url)) as copy, Views.open(url, copy) as views:
        return views.digest()


def rows_beside(log: Log, url: str) -> dict[str, str]:
    """The tables beside a log."""
    with Views.open(url, log) as views:
        views.catch_up()
        return views.digest()


def test_an_event_that_cannot_be_read_parks_its_stream_alone(sqlite_url: str, empty_postgres_url: str) -> None:
    made = drafts(300, seed=3)
    late = next(i for i, draft in enumerate(made) if draft.tag == "stage-changed")
    made[late] = made[late]._replace(body=b'{"type":"stage-changed"}')
    with closing(open_log(sqlite_url)) as log:
        write(log, made)
        with model_at(empty_postgres_url) as model:
            take_in(model, messages(stored(log)), claimed(model)[0])
        assert rows_of(empty_postgres_url) == rows_beside(log, sqlite_url)
        with closing(open_log(empty_postgres_url)) as copy, Views.open(empty_postgres_url, copy) as views:
            assert {each.stream for each in views.parked()} == {made[late].stream}
            with pytest.raises(Rejected, match="rebuild"):
                views.retry()
