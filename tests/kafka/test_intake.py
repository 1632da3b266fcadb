"""Leads from outside: each captured once, poison put aside, and nobody waits for another key."""

import json
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from consumers.lead_intake import request_of
from domain.lead import CaptureLead
from domain.lead.profile import EnrichLead
from domain.recorded import Request
from infra.application.app import App, opened
from infra.application.requests import parse
from infra.kafka import intake
from infra.kafka.dead_letters import DeadLetters
from infra.kafka.envelope import Message
from infra.kafka.intake import Handle, Intake, deciding
from infra.kafka.topics import INTAKE, Topic
from infra.settings import Kafka, Settings
from tests.cli.program import ENTRY, ROOT
from tests.kafka.outside import behind, captured, content, existing, fresh_topic, lead, running, send, until


@pytest.fixture
def app(sqlite_url: str, tmp_path: Path, kafka: Kafka) -> Iterator[App]:
    with opened(Settings(db=sqlite_url, key_file=str(tmp_path / "key"), kafka=kafka)) as app:
        yield app


@pytest.fixture
def topic(kafka: Kafka) -> Topic:
    return fresh_topic(kafka)


def group() -> str:
    return f"g-{uuid4().hex[:8]}"


def by_its_name(message: Message) -> Request:
    return request_of(message, parse)


def by_chance(message: Message) -> Request:
    """The control: without names that follow from the message."""
    request = request_of(message, parse)
    return Request(stream=f"lead-{uuid4()}", command=request.command, actor=request.actor)


def member(app: App, topic: Topic, group: str, handle: Handle | None = None) -> Intake:
    return Intake(app.settings.kafka, topic, group, handle or deciding(app.dispatcher(), by_its_name), print)


@pytest.mark.parametrize(("ask", "times"), [(by_its_name, 1), (by_chance, 3)])
def test_a_lead_that_is_sent_again_is_captured_once(app: App, topic: Topic, kafka: Kafka, ask, times):
    send(kafka, topic, [lead("fair", "17"), lead("fair", "17"), lead("fair", "18"), lead("fair"), lead("fair")])
    send(kafka, topic, [lead("fair", "17")], partition=1)
    name = group()
    with running(member(app, topic, name, deciding(app.dispatcher(), ask))):
        until(lambda: behind(kafka, topic, name) == 0)
    assert len(captured(app)) == 3 + times
    assert DeadLetters(kafka, topic, name).letters() == []


KNOWN = "by_its_name", "by_chance"
KILLED = """
import os, signal, sys, threading
from tests.kafka.test_intake import *
url, key, servers, name, group, ask = sys.argv[1:]
kafka = Kafka(servers=servers)
with opened(Settings(db=url, key_file=key, kafka=kafka)) as app:
    decide = deciding(app.dispatcher(), globals()[ask])
    def handle(messages):
        decide(messages)
        os.kill(os.getpid(), signal.SIGKILL)
    member(app, Topic(name, "", 2), group, handle).run(threading.Event())
"""


def test_a_process_that_dies_between_append_and_commit_captures_each_lead_once(app: App, kafka: Kafka, tmp_path: Path):
    topics, groups = {ask: fresh_topic(kafka) for ask in KNOWN}, {ask: group() for ask in KNOWN}
    for ask, topic in topics.items():
        send(kafka, topic, [lead(ask, str(number), origin=ask) for number in range(50)])
        send(kafka, topic, [lead(ask) for _ in range(50)])
    told = app.settings.db, app.settings.key_file, kafka.servers
    doomed = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", KILLED, *told, topics[ask].name, groups[ask], ask], cwd=ROOT
        )
        for ask in KNOWN
    ]
    assert [process.wait() for process in doomed] == [-signal.SIGKILL] * 2
    early = Counter(source for _, source in captured(app))
    assert min(early[ask] for ask in KNOWN) > 0
    with (
        running(member(app, topics["by_its_name"], groups["by_its_name"], deciding(app.dispatcher(), by_its_name))),
        running(member(app, topics["by_chance"], groups["by_chance"], deciding(app.dispatcher(), by_chance))),
    ):
        until(lambda: all(behind(kafka, topics[ask], groups[ask]) == 0 for ask in KNOWN))
    assert Counter(source for _, source in captured(app)) == {"by_its_name": 100, "by_chance": 100 + early["by_chance"]}


POISON = [
    ((None, b"{", []), "Malformed", "the body is not JSON"),
    ((None, b"[" * 5000, []), "Malformed", "the body is not JSON"),
    ((None, b"[]", []), "Malformed", "a JSON object is asked for"),
    ((None, b"\xff", []), "Malformed", "the body is not JSON"),
    ((b"k", None, []), "Malformed", "no value"),
    ((None, b'{"company": "Acme"}', []), "Malformed", "source: is missing"),
    ((None, b'{"source": " "}', []), "Malformed", "source: say where"),
    ((None, b'{"source": "fair", "emial": "a@b"}', []), "Malformed", "emial: there is no such field"),
    ((None, b'{"source": "fair", "email": "nobody"}', []), "Malformed", "email: an address has an @"),
    ((None, b'{"source": "fair", "captured_at": "2026-01-01T00:00:00"}', []), "Malformed", "no time zone"),
    ((None, b'{"source": "fair", "captured_at": "2126-01-01T00:00:00Z"}', []), "Malformed", "in the future"),
    ((None, b'{"source": "fair\\u0000"}', []), "Malformed", "source: holds the NUL character"),
    ((None, b'{"source": "fair"}', [("ce_id", b"1")]), "Malformed", "ce_source: a message with ce_id"),
    ((None, b'{"source": "fair"}', [("ce_source", b"/x")]), "Malformed", "ce_id: a message with ce_source"),
    ((None, b'{"source": "fair"}', [("ce_id", b"\xff"), ("ce_source", b"/x")]), "Malformed", "ce_id: this header"),
    ((None, b'{"source": "fair"}', [("ce_time", b"soon")]), "Malformed", "ce_time: 'soon' is not a time"),
    (lead("website", "17"), "KeyReused", "command_id"),
    ((None, b'{"source": "' + b"x" * 900_000, [("ce_type", b"y" * 100_000)]), "Malformed", "the body is not JSON"),
]  # fmt: skip


def test_poison_is_put_aside_with_its_reason_and_the_partition_goes_on(app: App, topic: Topic, kafka: Kafka):
    send(kafka, topic, [lead("fair", "17"), *(message for message, _, _ in POISON), lead("fair", "18")], partition=0)
    name = group()
    with running(member(app, topic, name)):
        until(lambda: behind(kafka, topic, name) == 0)
    assert [source for _, source in captured(app)] == ["fair", "fair"]
    letters = DeadLetters(kafka, topic, name).letters()
    assert [letter.id for letter in letters] == [f"{topic.name}:0:{offset}" for offset in range(1, len(POISON) + 1)]
    for letter, ((key, value, headers), kind, reason) in zip(letters, POISON, strict=True):
        assert letter.kind == kind
        assert reason in letter.reason
        assert (letter.message.key, letter.message.value, letter.message.headers) == (key, value, headers)


def enriched(message: Message) -> Request:
    """Asks what can only be decided once somebody captured the lead: a conflict until then, on the real log."""
    body = json.loads(message.value or b"")
    command = EnrichLead(company=body["company"])
    expected = body.get("expected")
    return Request(
        stream=body["stream"],
        command=command,
        actor="ann",
        command_id=f"{message.partition}:{message.offset}",
        expected_version=expected,
    )


def command(stream: str, company: str, **more: int) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    return stream.encode(), json.dumps({"stream": stream, "company": company, **more}).encode(), []


def companies(app: App, stream: str) -> list[str]:
    found = app.log.histories([stream]).get(stream, [])
    return [each.event.company for each in found[1:]]


def capture(app: App, stream: str) -> None:
    app.dispatcher().execute(Request(stream=stream, command=CaptureLead("fair"), actor="ann"))


def test_a_key_that_cannot_be_decided_yet_waits_alone_and_across_a_restart(app: App, topic: Topic, kafka: Kafka):
    capture(app, "lead-free")
    first = [command("lead-late", "1", expected=1), command("lead-late", "2"), command("lead-free", "1")]
    send(kafka, topic, [*first, command("lead-late", "3"), command("lead-free", "2")], partition=0)
    name = group()
    handle = deciding(app.dispatcher(), enriched)
    with running(member(app, topic, name, handle)):
        until(lambda: companies(app, "lead-free") == ["1", "2"])
    assert companies(app, "lead-late") == []
    assert behind(kafka, topic, name) == 5
    send(kafka, topic, [command("lead-free", "3")], partition=0)
    with running(member(app, topic, name, handle)):
        until(lambda: companies(app, "lead-free") == ["1", "2", "3"])
        assert companies(app, "lead-late") == []
        capture(app, "lead-late")
        until(lambda: behind(kafka, topic, name) == 0)
    assert companies(app, "lead-late") == ["1", "2", "3"]
    assert companies(app, "lead-free") == ["1", "2", "3"]
    assert DeadLetters(kafka, topic, name).letters() == []


def test_while_the_log_cannot_be_written_all_waits_and_nothing_is_put_aside(tmp_path, topic, kafka, monkeypatch):
    monkeypatch.setattr("infra.store.sqlite_connection.LOCK_TIMEOUT", 0.1)
    file, name = tmp_path / "log.db", group()
    with opened(Settings(db=f"sqlite:///{file}", key_file=str(tmp_path / "key"), kafka=kafka)) as app:
        one = member(app, topic, name)
        with closing(sqlite3.connect(file, isolation_level=None)) as other, running(one) as raised:
            other.execute("BEGIN IMMEDIATE")  # another program writes, and does not end
            send(kafka, topic, [lead("fair", str(number)) for number in range(50)])
            until(lambda: sum(len(held) for held in list(one.parts.values())) == 50 or bool(raised))
            assert captured(app) == []
            assert behind(kafka, topic, name) == 50
            other.execute("ROLLBACK")
            until(lambda: behind(kafka, topic, name) == 0 or bool(raised))
        assert len(captured(app)) == 50
    assert DeadLetters(kafka, topic, name).letters() == []


def test_no_more_is_read_of_a_partition_than_can_be_held(app: App, topic: Topic, kafka: Kafka, monkeypatch):
    monkeypatch.setattr(intake, "HELD", 20)
    monkeypatch.setattr(intake, "AT_ONCE", 10)
    capture(app, "lead-free")
    late = [command("lead-late", "0", expected=1), *(command("lead-late", str(number)) for number in range(1, 100))]
    send(kafka, topic, late, partition=0)
    send(kafka, topic, [command("lead-free", "here"), command("lead-free", "too")], partition=1)
    name = group()
    one = member(app, topic, name, deciding(app.dispatcher(), enriched))
    with running(one):
        until(lambda: companies(app, "lead-free") == ["here", "too"])
        until(lambda: any(len(held) >= 20 for held in list(one.parts.values())))
        before = behind(kafka, topic, name)
        send(kafka, topic, [command("lead-free", "meanwhile")], partition=1)
        until(lambda: companies(app, "lead-free")[2:] == ["meanwhile"])
        assert max(len(held) for held in one.parts.values()) < 30
        assert before >= 100
        capture(app, "lead-late")
        until(lambda: behind(kafka, topic, name) == 0)
    assert companies(app, "lead-late") == [str(number) for number in range(100)]


def test_processes_that_come_and_go_lose_nothing_and_double_nothing(app: App, kafka: Kafka, tmp_path: Path):
    existing(kafka, INTAKE)
    name, mark = group(), uuid4().hex
    environment = {
        "PYTHONPATH": str(ROOT), "DEALTRAIL_DB": app.settings.db, "DEALTRAIL_KEY_FILE": app.settings.key_file,
        "DEALTRAIL_KAFKA_SERVERS": kafka.servers, "PATH": "",
    }  # fmt: skip

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-W", "ignore", "-c", ENTRY, "kafka", "consume", "lead_intake", "--group", name]
        return subprocess.Popen(command, env=environment, cwd=tmp_path, stderr=subprocess.DEVNULL)

    def ours() -> Counter[str]:
        return Counter(stream for stream, source in captured(app) if source == mark)

    def more(count: int, seen: int) -> None:
        send(kafka, INTAKE, [lead(mark, str(uuid4()) if number % 2 else "") for number in range(count)])
        until(lambda: len(ours()) >= seen)

    processes = [start()]
    try:
        more(200, 100)
        processes.append(start())
        more(200, 250)
        processes[0].terminate()
        more(100, 450)
        processes.append(start())
        processes[1].kill()
        more(100, 600)
        until(lambda: behind(kafka, INTAKE, name) == 0)
        processes[2].terminate()
        assert [processes[0].wait(30), processes[2].wait(30)] == [0, 0]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert (len(ours()), set(ours().values())) == (600, {1})
    assert content(kafka, f"{INTAKE.name}.{name}.dlq") == []
