"""The rights that docs/how-to/kafka.md grants each kind of process: they are enough, and none is too many."""

import argparse
import re
import shlex
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)
from kafka.errors import AuthorizationError, KafkaError

from consumers.lead_intake import request_of
from domain.errors import Malformed, NotFound, Unavailable
from domain.lead import CaptureLead
from domain.recorded import Request
from infra.application.app import App, opened
from infra.application.requests import parse
from infra.kafka import relay, topic_administration
from infra.kafka.client import admin, group_consumer, producer
from infra.kafka.dead_letters import DeadLetters, sending, written
from infra.kafka.envelope import Message
from infra.kafka.intake import Intake, deciding
from infra.kafka.topics import EVENT_TOPICS, INTAKE, LEADS, POSITIONS
from infra.settings import Kafka, Settings
from infra.store.leases import open_leases
from tests.kafka.guarded import PRINCIPALS, Guarded
from tests.kafka.outside import LONG, behind, captured, lead, running, send, until

GUIDE = (Path(__file__).parents[2] / "docs" / "how-to" / "kafka.md").read_text()
GRANTS = re.findall(r"^kafka-acls\.sh ((?:.*\\\n)*.*)$", GUIDE, re.MULTILINE)
ANALYTICS = "analytics-board"
DLQ = f"{INTAKE.name}.lead_intake.dlq"


def granted(line: str) -> list[ACL]:
    """What a line of the document grants, as the tool reads it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--add", action="store_true", required=True)
    parser.add_argument("--allow-principal", required=True)
    for name in ("--operation", "--topic", "--group"):
        parser.add_argument(name, action="append", default=[])
    parser.add_argument("--resource-pattern-type", default="literal")
    said = parser.parse_args(shlex.split(line.replace("\\\n", " ")))
    pattern = ACLResourcePatternType[said.resource_pattern_type.upper()]
    resources = [ResourcePattern(ResourceType.TOPIC, name, pattern) for name in said.topic]
    resources += [ResourcePattern(ResourceType.GROUP, name, pattern) for name in said.group]
    operations = [ACLOperation[re.sub("(?<=[a-z])(?=[A-Z])", "_", name).upper()] for name in said.operation]
    return [
        ACL(said.allow_principal, "*", operation, ACLPermissionType.ALLOW, resource)
        for resource in resources
        for operation in operations
    ]


ACLS = [acl for line in GRANTS for acl in granted(line)]


def as_filter(acl: ACL) -> ACLFilter:
    pattern = acl.resource_pattern
    resource = ResourcePatternFilter(pattern.resource_type, pattern.resource_name, pattern.pattern_type)
    return ACLFilter(acl.principal, acl.host, acl.operation, acl.permission_type, resource)


@pytest.fixture(scope="module")
def rights(doors: Guarded) -> Iterator[Guarded]:
    """The broker with all that the document grants, and the topics there."""
    with closing(admin(Kafka(servers=doors.free))) as control:
        assert control.create_acls(ACLS)["failed"] == []
    until(lambda: topic_administration.apply(by(doors, "dealtrail-operator")).right)
    yield doors


def by(doors: Guarded, principal: str) -> Kafka:
    return doors.by("BARE", user=principal)


@contextmanager
def without(doors: Guarded, *missing: ACL) -> Iterator[None]:
    """As long as some rights are not granted."""
    with closing(admin(Kafka(servers=doors.free))) as control:
        control.delete_acls([as_filter(acl) for acl in missing])
        time.sleep(0.3)  # until the broker has heard of it
        try:
            yield
        finally:
            control.create_acls(list(missing))
            time.sleep(0.3)


@pytest.fixture
def app(sqlite_url: str, tmp_path: Path) -> Iterator[App]:
    with opened(Settings(db=sqlite_url, key_file=str(tmp_path / "key"))) as app:
        app.dispatcher().execute(Request(stream="lead-1", command=CaptureLead("fair"), actor="ann"))
        yield app


def operate(doors: Guarded, app: App) -> None:
    with closing(admin(Kafka(servers=doors.free))) as control:
        control.delete_topics([LEADS.name])
        until(lambda: LEADS.name not in control.list_topics())
    operator = by(doors, "dealtrail-operator")
    topic_administration.apply(operator)
    until(lambda: topic_administration.check(operator).right)


def publish(doors: Guarded, app: App) -> None:
    """The relay's verb, until all is out."""
    stop, leases = threading.Event(), open_leases(app.settings.db)
    threading.Timer(3, stop.set).start()
    try:
        position, _ = relay.publish(by(doors, "dealtrail-relay"), app.log, leases, stop, print)
    finally:
        leases.close()
    assert position == app.log.head()


def read(doors: Guarded, principal: str, group: str) -> None:
    """What a consumer in a group does, of all topics that go out."""
    with closing(group_consumer(by(doors, principal), group)) as consumer:
        member: Any = consumer
        member.subscribe([topic.name for topic in (*EVENT_TOPICS, POSITIONS)])
        last = time.monotonic() + LONG
        found = 0
        while not found:
            assert time.monotonic() < last, "nothing came"
            found = len(member.poll(500))
        member.commit()


def take_in(doors: Guarded, app: App) -> None:
    send(by(doors, "website"), INTAKE, [lead("website"), lead(" ")])
    handle = deciding(app.dispatcher(), lambda message: request_of(message, parse))
    with running(Intake(by(doors, "dealtrail-intake"), INTAKE, "lead_intake", handle, print)) as raised:
        until(lambda: raised or behind(Kafka(servers=doors.free), INTAKE, "lead_intake") == 0)
    assert "website" in [source for _, source in captured(app)]


def clear(doors: Guarded, app: App) -> None:
    """The verbs of dead letters, of one that somebody put aside."""
    message = Message(INTAKE.name, 0, 0, b"k", b"{}", [])
    with sending(Kafka(servers=doors.free)) as sender:
        key, value, headers = written(message, "lead_intake", Malformed("not a lead"))
        sender.send(DLQ, key=key, value=value, headers=headers).get(LONG)
    letters = DeadLetters(by(doors, "dealtrail-clerk"), INTAKE, "lead_intake")
    assert letters.letters()
    letters.retry(letters.letters())
    assert letters.letters() == []


WORK: dict[str, Callable[[Guarded, App], None]] = {
    "dealtrail-operator": operate,
    "dealtrail-relay": publish,
    "dealtrail-intake": take_in,
    "dealtrail-clerk": clear,
}


def test_everybody_in_the_document_is_tried():
    assert {acl.principal.removeprefix("User:") for acl in ACLS} == set(PRINCIPALS)


def test_with_the_rights_of_the_document_each_does_its_work(rights: Guarded, app: App):
    for work in WORK.values():
        work(rights, app)
    read(rights, "dealtrail-read-model", "read_model")
    read(rights, "analyst", ANALYTICS)


def right(principal: str, operation: str, resource: str) -> ACL:
    [found] = [
        acl for acl in ACLS
        if (acl.principal, acl.operation.name, acl.resource_pattern.resource_name)
        == (f"User:{principal}", operation, resource)
    ]  # fmt: skip
    return found


@pytest.mark.parametrize(
    ("principal", "operation", "resource"),
    [
        ("dealtrail-operator", "CREATE", "sales."),
        ("dealtrail-relay", "DESCRIBE_CONFIGS", LEADS.name),
        ("dealtrail-intake", "READ", INTAKE.name),
        ("dealtrail-intake", "READ", "lead_intake"),
        ("dealtrail-clerk", "READ", DLQ),
        ("dealtrail-clerk", "WRITE", DLQ),
        ("dealtrail-clerk", "WRITE", INTAKE.name),
    ],
)
def test_without_one_of_them_it_says_so(rights: Guarded, app: App, principal: str, operation: str, resource: str):
    with without(rights, right(principal, operation, resource)), pytest.raises((Unavailable, NotFound)):
        WORK[principal](rights, app)


@pytest.mark.parametrize("group", ["read_model", "anything"])
def test_analysts_keep_to_their_own_groups(rights: Guarded, group: str):
    with pytest.raises(AuthorizationError):
        read(rights, "analyst", group)


@pytest.mark.parametrize("principal", ["analyst", "website"])
def test_nobody_else_writes_events(rights: Guarded, principal: str):
    with closing(producer(by(rights, principal), max_block_ms=3000)) as sender, pytest.raises(KafkaError):
        sender.send(LEADS.name, key=b"k", value=b"v").get(10)


def test_who_sends_leads_does_not_read_those_of_others(rights: Guarded):
    with closing(group_consumer(by(rights, "website"), "website")) as consumer, pytest.raises(AuthorizationError):
        member: Any = consumer
        member.subscribe([INTAKE.name])
        for _ in range(20):
            member.poll(500)
