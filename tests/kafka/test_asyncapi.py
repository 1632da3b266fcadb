"""The AsyncAPI document is valid by its own parser, and tells of the topics what is so."""

from copy import deepcopy
from functools import reduce
from operator import getitem
from typing import Any

import msgspec
import pytest

from domain import BY_KIND, DECIDERS
from infra.kafka.asyncapi import document
from infra.kafka.envelope import event_type
from infra.kafka.schemas import HEADERS, schemas
from infra.kafka.topics import EVENT_TOPICS, INTAKE, OF_KIND, TOPICS
from tests.cli.program import ROOT
from tests.domain.table import tag
from tests.kafka.node import HERE, complaints

DOCUMENT = document()
TOPIC, NAME = "sales.customer.events.v1", "dealtrail.customer-opened.v1"
COMPONENTS = DOCUMENT["components"]


def small() -> Any:
    """The document with one event alone, which is read sooner."""
    found = deepcopy(DOCUMENT)
    found["channels"] = {TOPIC: found["channels"][TOPIC]}
    found["channels"][TOPIC]["messages"] = {NAME: found["channels"][TOPIC]["messages"][NAME]}
    found["operations"] = {TOPIC: found["operations"][TOPIC]}
    found["components"] = {"messages": {NAME: COMPONENTS["messages"][NAME]}} | {
        "schemas": {name: COMPONENTS["schemas"][name] for name in ("CustomerOpened", HEADERS)}
    }
    return deepcopy(found)  # nothing of it is shared with the whole


def slip(*path: str, said: object) -> Any:
    """The same saying something else in one place."""
    found = small()
    reduce(getitem, path[:-1], found)[path[-1]] = said
    return found


def encoded(document: object) -> str:
    return msgspec.json.encode(document).decode()


@pytest.mark.registry
def test_the_committed_document_is_valid_and_one_with_a_slip_is_not():
    slips = [
        slip("channels", TOPIC, "messages", NAME, "$ref", said="#/components/messages/nobody"),
        slip("components", "messages", NAME, "bindings", "kafka", "key", said="the stream"),
        slip("components", "schemas", "CustomerOpened", "properties", "account", "type", said="decimal"),
    ]
    committed = (ROOT / "docs/schemas/asyncapi.json").read_text()
    said = complaints([committed, *map(encoded, [small(), *slips])])
    assert [bool(each) for each in said] == [False, False, True, True, True], said


def test_each_topic_is_a_channel_with_its_layout():
    assert set(DOCUMENT["channels"]) == {topic.name for topic in TOPICS}
    for topic in TOPICS:
        told = DOCUMENT["channels"][topic.name]
        kafka = told["bindings"]["kafka"]
        assert (told["address"], kafka["partitions"]) == (topic.name, topic.partitions)
        told = kafka["topicConfiguration"]
        assert {
            name: ",".join(value) if isinstance(value, list) else str(value) for name, value in told.items()
        } == topic.settings
        action = DOCUMENT["operations"][topic.name]["action"]
        assert action == ("receive" if topic == INTAKE else "send")


def test_a_channel_carries_the_events_of_its_streams_and_no_others():
    for topic in EVENT_TOPICS:
        kinds = [kind for kind in BY_KIND if OF_KIND[kind] == topic]
        names = {event_type(tag(event)) for each in DECIDERS if each.kind in kinds for event in each.events}
        assert set(DOCUMENT["channels"][topic.name]["messages"]) == names


def test_each_message_is_described_by_the_schemas_that_are_published():
    published = schemas()
    assert set(COMPONENTS["messages"]) == set(published) - {HEADERS}
    for name, message in COMPONENTS["messages"].items():
        part = COMPONENTS["schemas"][message["payload"]["$ref"].rpartition("/")[2]]
        assert part["properties"].keys() == published[name]["properties"].keys()
        if name.startswith("dealtrail."):
            shared, own = message["headers"]["allOf"]
            assert shared == {"$ref": f"#/components/schemas/{HEADERS}"}
            assert own["properties"]["ce_type"] == {"enum": [name]}
            assert message["bindings"]["kafka"]["key"]["type"] == "string"


def test_the_parser_is_pinned_whole_and_by_no_address():
    kept = msgspec.json.decode((HERE / "package-lock.json").read_bytes())["packages"]
    wanted = msgspec.json.decode((HERE / "package.json").read_bytes())["dependencies"]
    assert {f"node_modules/{name}": version for name, version in wanted.items()}.items() <= {
        name: each.get("version") for name, each in kept.items()
    }.items()
    assert all("integrity" in each and "resolved" not in each for name, each in kept.items() if name)
