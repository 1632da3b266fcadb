"""The topics as an AsyncAPI 3.1 document: what each carries, how it is keyed and laid out, and who sends it."""

import re
from typing import Any, cast

import msgspec
from msgspec import Struct

from infra.kafka.schemas import (
    HEADERS,
    MESSAGES,
    SEALED_TEXT,
    STREAM,
    Schema,
    carried,
    ce_type,
    components,
    events,
    headers,
)
from infra.kafka.topics import EVENT_TOPICS, INTAKE, TOPICS, Topic

BINDING = "0.5.0"  # of AsyncAPI's Kafka bindings
CONTRACT = "1.0.0"  # grows compatibly as long as the topics are called v1
PARTS = "#/components/schemas/"
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
LISTS = ("cleanup.policy",)  # topic settings that AsyncAPI writes as lists


def document() -> Schema:
    """The whole document."""
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "dealtrail",
            "version": CONTRACT,
            "description": "What happened in the sales pipeline, event by event, at least once and in order per stream"
            " (docs/how-to/consumers.md), and the leads that other systems send.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "development": {
                "host": "127.0.0.1:9092",
                "protocol": "kafka",
                "description": "The broker of docker-compose.yml.",
            }
        },
        "channels": {topic.name: channel(topic) for topic in TOPICS},
        "operations": {topic.name: operation(topic) for topic in TOPICS},
        "components": {
            "messages": event_messages() | {topic: other_message(topic) for topic in MESSAGES},
            "schemas": cast(Schema, moved(shared_schemas())),
        },
    }


def channel(topic: Topic) -> Schema:
    """A topic with what it carries."""
    names = [ce_type(event) for event in carried(topic)] if topic in EVENT_TOPICS else [topic.name]
    return {
        "address": topic.name,
        "description": topic.about,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": kafka(partitions=topic.partitions, topicConfiguration=configuration(topic)),
    }


def configuration(topic: Topic) -> Schema:
    """A topic's settings as AsyncAPI writes them: numbers as numbers, lists as lists."""
    return {
        name: value.split(",") if name in LISTS else msgspec.json.decode(value) if NUMBER.fullmatch(value) else value
        for name, value in topic.settings.items()
    }


def operation(topic: Topic) -> Schema:
    """Whether dealtrail sends to a topic, or receives from it."""
    action = "receive" if topic == INTAKE else "send"
    return {"action": action, "channel": {"$ref": f"#/channels/{topic.name}"}, "summary": topic.about}


def event_messages() -> dict[str, Schema]:
    """A message for each event."""
    return {ce_type(event): event_message(event) for event in events()}


def event_message(event: type[Struct]) -> Schema:
    """An event as it is sent: keyed by its stream, its envelope in headers."""
    name = ce_type(event)
    only = {"type": "object", "properties": {"ce_type": {"enum": [name]}}}
    return {
        "name": name,
        "title": event.__name__,
        "headers": {"allOf": [{"$ref": PARTS + HEADERS}, only]},
        "payload": {"$ref": PARTS + event.__name__},
        "bindings": kafka(key={"type": "string", "pattern": STREAM, "description": "The stream."}),
    }


def other_message(topic: str) -> Schema:
    """A message of a topic that carries no events."""
    each = MESSAGES[topic]
    return {
        "name": topic,
        "title": each.struct.__name__,
        "headers": each.headers,
        "payload": {"$ref": PARTS + each.struct.__name__},
        "bindings": kafka(key=each.key),
    }


def shared_schemas() -> dict[str, Schema]:
    """Every schema that messages refer to, by name."""
    found = components(events(), SEALED_TEXT) | {HEADERS: headers()}
    for each in MESSAGES.values():
        found |= components([each.struct], each.personal)
    return found


def moved(schema: Any) -> Any:
    """Schemas that refer to one another where AsyncAPI keeps them."""
    if isinstance(schema, list):
        return [moved(each) for each in cast("list[Any]", schema)]
    if isinstance(schema, dict):
        return {name: moved(part) for name, part in cast(Schema, schema).items()}
    return schema.replace("#/$defs/", PARTS) if isinstance(schema, str) else schema


def kafka(**binding: Any) -> Schema:
    """What only Kafka knows of a part."""
    return {"kafka": {**binding, "bindingVersion": BINDING}}
