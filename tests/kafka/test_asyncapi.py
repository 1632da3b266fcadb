"""The AsyncAPI document is valid by its own parser, and tells of the topics what is so."""

from collections.abc import Iterator
from copy import deepcopy

import msgspec

from domain import BY_KIND, DECIDERS
from infra.kafka.asyncapi import document
from infra.kafka.envelope import event_type
from infra.kafka.schemas import HEADERS, schemas
from infra.kafka.topics import EVENT_TOPICS, INTAKE, OF_KIND, TOPICS
from tests.cli.program import ROOT
from tests.domain.table import tag
from tests.kafka.node import HERE, complaints

DOCUMENT = document()
COMPONENTS = DOCUMENT["components"]


def slips() -> Iterator[str]:
    """The document with one slip each."""
    name = "dealtrail.lead-captured.v1"
    found = deepcopy(DOCUMENT)
    found["channels"]["sales.lead.events.v1"]["messages"][name] = {"$ref": "#/components/messages/nobody"}
    yield encoded(found)
    found = deepcopy(DOCUMENT)
    found["components"]["messages"][name]["bindings"]["kafka"]["key"] = "the stream"
    yield encoded(found)
    found = deepcopy(DOCUMENT)
    found["components"]["schemas"]["Money"]["properties"]["amount"]["type"] = "decimal"
    yield encoded(found)


def encoded(document: object) -> str:
    return msgspec.json.encode(document).decode()


def test_the_committed_document_is_valid_and_one_with_a_slip_is_not():
    committed, *others = complaints([(ROOT / "docs/schemas/asyncapi.json").read_text(), *slips()])
    assert committed == []
    assert len(others) == 3 and all(others)


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
