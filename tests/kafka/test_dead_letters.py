"""Dead letters from the terminal: looked at, sent again under the names they had, or dropped."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from secrets import token_bytes
from uuid import uuid4

import pytest

from consumers.lead_intake import request_of
from domain.errors import Malformed, Rejected
from infra.application.app import App, opened
from infra.application.requests import parse
from infra.cli.main import run
from infra.kafka.client import admin, messages
from infra.kafka.dead_letters import DeadLetters, sending, written
from infra.kafka.envelope import Message
from infra.kafka.intake import Intake, deciding
from infra.kafka.topics import INTAKE, Topic, dead_letters
from infra.settings import Kafka, Settings
from tests.cli.program import Shell, document
from tests.kafka.outside import Sent, behind, captured, content, existing, fresh_topic, lead, running, send, until


@pytest.fixture
def app(sqlite_url: str, tmp_path: Path, kafka: Kafka) -> Iterator[App]:
    with opened(Settings(db=sqlite_url, key_file=str(tmp_path / "key"), kafka=kafka)) as app:
        yield app


@pytest.fixture
def shell(app: App, kafka: Kafka, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    monkeypatch.setenv("DEALTRAIL_DB", app.settings.db)
    monkeypatch.setenv("DEALTRAIL_KAFKA_SERVERS", kafka.servers)

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(arguments)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


@pytest.fixture
def topic(kafka: Kafka) -> Topic:
    return fresh_topic(kafka)


def put_aside(kafka: Kafka, topic: Topic, group: str, *found: Message) -> DeadLetters:
    """Letters as a consumer would write them."""
    existing(kafka, dead_letters(topic.name, group))
    with sending(kafka) as sender:
        for message in found:
            key, value, headers = written(message, group, Rejected("not today"))
            sender.send(f"{topic.name}.{group}.dlq", key=key, value=value, headers=headers).get(30)
    return DeadLetters(kafka, topic, group)


def test_letters_are_listed_shown_sent_again_and_dropped(app: App, shell: Shell, kafka: Kafka):
    group, mark = f"g-{uuid4().hex[:8]}", uuid4().hex
    bad: Sent = (b"acme", b'{"source": "fair", "email": "[sic]"}', [("traceparent", b"\xff00")])
    send(kafka, existing(kafka, INTAKE), [bad, lead(mark, "17", key="acme", origin=mark)], partition=3)
    send(kafka, INTAKE, [lead("x", "17", key="acme", origin=mark), (b"acme", None, [])], partition=3)
    with running(Intake(kafka, INTAKE, group, deciding(app.dispatcher(), lambda m: request_of(m, parse)), print)):
        until(lambda: behind(kafka, INTAKE, group) == 0)
    listed = document(shell("kafka", "dlq", "list", "--group", group, "--json"))
    wrong, other, empty = [letter for letter in listed if letter["key"] == "acme"][-3:]
    assert (wrong["kind"], other["kind"], empty["kind"]) == ("Malformed", "KeyReused", "Malformed")
    assert "email: an address has an @" in shell("kafka", "dlq", "list", "--group", group)[1]
    shown = document(shell("kafka", "dlq", "show", wrong["id"], "--group", group, "--json"))
    assert shown == {
        **wrong, "headers": [["traceparent", "\\xff00"]], "value": '{"source": "fair", "email": "[sic]"}',
        "value_base64": "eyJzb3VyY2UiOiAiZmFpciIsICJlbWFpbCI6ICJbc2ljXSJ9",
    }  # fmt: skip
    assert '"[sic]"' in shell("kafka", "dlq", "show", wrong["id"], "--group", group)[1]
    assert document(shell("kafka", "dlq", "show", empty["id"], "--group", group, "--json"))["value"] is None
    assert document(shell("kafka", "dlq", "drop", wrong["id"], "--group", group, "--json")) == {
        "dropped": [wrong["id"]]
    }
    code, _, error = shell("kafka", "dlq", "show", wrong["id"], "--group", group)
    assert (code, "there is no letter" in error) == (3, True)
    rest = [letter["id"] for letter in listed if letter["id"] != wrong["id"]]
    assert document(shell("kafka", "dlq", "retry", "--all", "--group", group, "--json")) == {"retried": rest}
    assert document(shell("kafka", "dlq", "list", "--group", group, "--json")) == []
    assert [source for _, source in captured(app)].count(mark) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["retry"], 2, "letter: name one, or say that all are meant"),
        (["drop", "x:0:0", "--all"], 2, "letter: name one, or say that all are meant"),
        (["drop", "x:0:0"], 3, "there is no letter x:0:0"),
        (["list", "--consumer", "read_model"], 3, "puts no letters aside"),
    ],
)
def test_what_cannot_be_meant_is_refused(shell: Shell, arguments, code, why):
    found, _, error = shell("kafka", "dlq", *arguments, "--group", "nobody")
    assert (found, why in error) == (code, True)


def test_nobody_has_letters_before_the_first(shell: Shell):
    assert shell("kafka", "dlq", "list", "--group", "nobody") == (0, "there are no dead letters\n", "")


HEADERS = [("ce_time", b"2026-01-01T00:00:00Z"), ("traceparent", b"00"), ("traceparent", b"01")]


@pytest.mark.parametrize(
    ("key", "value", "headers"),
    [
        (b"k", b'{"source": "fair"}', HEADERS),
        (b"k", b'{"source": "fair"}', [*HEADERS, ("ce_id", b"17"), ("ce_source", b"/x")]),
        (None, b'{"source": "fair"}', []),
        (b"k", None, HEADERS),
        (b"", b"", []),
        (b"\xff", b"\x00" * 1_040_000, []),
    ],
    ids=["without an id", "with an id", "without a key", "without a value", "empty", "as large as it can be"],
)
def test_a_message_comes_back_as_it_was_and_keeps_its_ids(kafka: Kafka, key, value, headers):
    topic = fresh_topic(kafka, 3)
    send(kafka, topic, [(key, value, headers)], partition=1)
    [original] = messages(content(kafka, topic.name))
    letters = put_aside(kafka, topic, "g", original)
    letters.retry(letters.letters())
    assert letters.letters() == []
    [again] = [m for m in messages(content(kafka, topic.name)) if (m.partition, m.offset) != (1, 0)]
    assert (again.key, again.value) == (key, value)
    kept = [(name, said) for name, said in headers if name not in ("ce_id", "ce_source")]
    assert [each for each in again.headers if each[0] not in ("ce_id", "ce_source")] == kept
    if value and value.startswith(b"{"):
        assert request_of(again, parse) == request_of(original, parse)


def test_what_was_neither_key_nor_value_cannot_be_sent_again(kafka: Kafka):
    topic = fresh_topic(kafka)
    letters = put_aside(kafka, topic, "g", Message(topic.name, 0, 7, None, None, []))
    with pytest.raises(Malformed, match="neither key nor value"):
        letters.retry(letters.letters())
    letters.drop(letters.letters())
    assert letters.letters() == []


def test_a_letter_put_aside_again_is_one_letter(kafka: Kafka):
    topic = fresh_topic(kafka)
    message = Message(topic.name, 0, 7, b"k", b"v", [])
    letters = put_aside(kafka, topic, "g", message, message)
    assert [letter.id for letter in letters.letters()] == [f"{topic.name}:0:7"]


def test_what_is_no_letter_is_listed_with_why_and_every_other_verb_refuses_it_by_name(shell: Shell, kafka: Kafka):
    group = f"g-{uuid4().hex[:8]}"
    name, ours = f"{INTAKE.name}.{group}.dlq", Message(INTAKE.name, 0, 7, b"k", b"v", [])
    put_aside(kafka, INTAKE, group, ours)
    key, value, headers = written(ours, group, Rejected("not today"))
    moved = [(at, b"elsewhere" if at == "dlq_topic" else text) for at, text in headers]
    strange = [
        (b"k", b"v", []),
        (b"\xff\x00[red]", b"\xfe", [("dlq_at", b"\xff")]),
        (key, value, [("dlq_at", b"yesterday"), *headers[1:]]),  # it takes no letter's place
        (b"elsewhere:0:7", value, moved),  # to be sent to a topic that is not the group's
    ]
    send(kafka, Topic(name, "", 1), strange)
    letter, *others = document(shell("kafka", "dlq", "list", "--group", group, "--json"))
    assert (letter["id"], letter["kind"]) == (f"{INTAKE.name}:0:7", "Rejected")
    assert [(each["topic"], each["partition"], each["offset"]) for each in others] == [
        (name, 0, at) for at in (1, 2, 3, 4)
    ]
    assert all(each["reason"].startswith("not one of ours: ") for each in others)
    assert others[0]["reason"].endswith("it has no header dlq_at")
    code, out, _ = shell("kafka", "dlq", "list", "--group", group)
    assert (code, "not one of ours" in " ".join(out.split())) == (0, True)
    for verb in ("show", "retry", "drop"):
        code, _, error = shell("kafka", "dlq", verb, others[0]["id"], "--group", group)
        assert (code, f"{name}:0:1 is not one of ours: it has no header dlq_at" in " ".join(error.split())) == (2, True)
    code, out, error = shell("kafka", "dlq", "drop", "--all", "--group", group, "--json")
    assert document((code, out, error)) == {"dropped": [letter["id"]]}
    assert f"{name}:0:1 is not one of ours" in " ".join(error.split())
    left = [each for each in others if each["key"] != letter["id"]]  # a key that is taken out takes all its records out
    assert document(shell("kafka", "dlq", "list", "--group", group, "--json")) == left


def noise(size: int) -> str:
    """A text that does not compress."""
    return token_bytes(size // 2).hex()


def test_a_lead_over_the_bound_of_an_event_is_a_letter_with_that_reason(app: App, topic: Topic, kafka: Kafka):
    group, mark = f"g-{uuid4().hex[:8]}", uuid4().hex
    found = [
        lead(mark, "1"),
        lead(mark, "2", note=noise(700_000)),
        lead(mark, "3", company="x" * 700_000),
        lead(mark, "4"),
    ]
    send(kafka, topic, found, partition=0)
    with running(Intake(kafka, topic, group, deciding(app.dispatcher(), lambda m: request_of(m, parse)), print)):
        until(lambda: behind(kafka, topic, group) == 0)
    assert [source for _, source in captured(app)] == [mark, mark]
    letters = DeadLetters(kafka, topic, group).letters()
    assert [letter.message.offset for letter in letters] == [1, 2]
    assert all("an event has 524288 at most" in letter.reason for letter in letters)
    assert [letter.message.value for letter in letters] == [found[1][1], found[2][1]]


@pytest.mark.parametrize("size", [5_000_000, 300_000])
def test_a_letter_that_its_topic_does_not_take_says_how_large_the_message_was(
    app: App, shell: Shell, kafka: Kafka, size: int
):
    """Larger than any letter, or than this topic of letters takes, which somebody made too small."""
    topic, group = Topic(f"intake.{uuid4().hex[:8]}", "", 1), f"g-{uuid4().hex[:8]}"
    layout = {"num_partitions": 1, "replication_factor": 1}
    with closing(admin(kafka)) as control:
        control.create_topics(
            {
                topic.name: {**layout, "configs": {"max.message.bytes": "20000000"}},
                f"{topic.name}.{group}.dlq": {**layout, "configs": {"max.message.bytes": "200000"}},
            },
            wait_for_metadata=True,
        )
    send(kafka, topic, [(b"key", b"no lead: " + noise(size).encode(), [("ce_other", b"x")]), lead("fair", "1")])
    with running(Intake(kafka, topic, group, deciding(app.dispatcher(), lambda m: request_of(m, parse)), print)):
        until(lambda: behind(kafka, topic, group) == 0)
    assert len(captured(app)) == 1
    letters = DeadLetters(kafka, topic, group)
    [letter] = letters.letters()
    assert (letter.id, letter.message.value) == (f"{topic.name}:0:0", b"")
    assert size < letter.omitted < size + 1000
    assert "JSON" in letter.reason
    with pytest.raises(Malformed, match="too many to be kept here"):
        letters.retry([letter])
    letters.drop([letter])
    assert letters.letters() == []
