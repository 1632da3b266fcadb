"""The contracts of the topics as JSON Schemas (draft 2020-12), made from the very types that are stored and sent.

Events are open objects: whoever reads ignores what it does not know. So a new field with a default changes no contract,
and anything else is a new tag.
"""

from collections.abc import Iterator, Sequence
from inspect import cleandoc
from typing import Any, NamedTuple, cast

import msgspec
from msgspec import Struct, inspect

from consumers.lead_intake import IncomingLead
from domain import DECIDERS
from domain.upcasting import RETIRED
from infra.kafka.envelope import EXTENSIONS, LOG, TRACE, TYPE_PREFIX, event_type
from infra.kafka.topics import EVENT_TOPICS, INTAKE, OF_KIND, POSITIONS, Topic
from infra.kafka.watermark import Watermark
from infra.privacy.vault import SEALED

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
HEADERS = "event-headers"
"""The name of the schema of an event's headers, their values read as UTF-8."""

LATER = "x-later"
"""Marks a choice that is for readers alone: nobody writes it today."""

DECIMAL = r"^-?[0-9]+(\.[0-9]+)?(E[+-]?[0-9]+)?$"
INSTANT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$"
TEXT = {"type": "string", "minLength": 1}
NUMBER = "^[1-9][0-9]*$"
STREAM = "^[a-z]+-.+$"  # names no kinds: one more of them breaks nobody
SEALED_TEXT = f"Personal: empty, or sealed as `{SEALED}SUBJECT:…`, unreadable once the subject is erased."
CLEAR_TEXT = "Personal, in the clear: it is sealed before it is stored."

TRACED = "W3C Trace Context, where the conversation is a trace: a span under it, named after the event."
ABOUT = {
    "ce_eventid": "The event's own id, a UUID.",
    "ce_actor": "Who asked.",
    "ce_onbehalfof": "For whom.",
    "ce_reason": "Why. " + SEALED_TEXT,
    "ce_commandid": "The request that it answers.",
    "ce_correlationid": "The conversation that it belongs to.",
    "ce_causationid": "What it follows from.",
    "ce_sourcesystem": "The system that it was imported from.",
    "ce_sourceid": "What it is called there.",
    "ce_batch": "The import that brought it.",
    "ce_history": "`true` where that import brought what happened before the log was kept.",
}


class Contract(NamedTuple):
    """What a topic carries that carries no events; how its personal fields are, and what its key and headers are."""

    struct: type[Struct]
    personal: str
    key: Schema
    headers: Schema


def carried(topic: Topic) -> list[type[Struct]]:
    """The events that a topic carries, the retired ones too."""
    events = {event: None for decider in DECIDERS if OF_KIND[decider.kind] == topic for event in decider.events}
    old = [each.shape for each in RETIRED.values() if any(OF_KIND[kind] == topic for kind in each.kinds)]
    return [*events, *old]


def ce_type(event: type[Struct]) -> str:
    """`ce_type` of an event's struct."""
    return event_type(str(event.__struct_config__.tag))


def events() -> list[type[Struct]]:
    """Every event that a topic may hold, each once."""
    return list(dict.fromkeys(event for topic in EVENT_TOPICS for event in carried(topic)))


def schemas() -> dict[str, Schema]:
    """Every schema, complete in itself, by name: an event's `ce_type`, another message's topic, and HEADERS."""
    structs = events()
    parts = components(structs, SEALED_TEXT)
    found = {ce_type(event): complete(ce_type(event), parts[event.__name__], parts) for event in structs}
    for topic, each in MESSAGES.items():
        parts = components([each.struct], each.personal)
        found[topic] = complete(topic, parts[each.struct.__name__], parts)
    found[HEADERS] = complete(HEADERS, headers(), {})
    return dict(sorted(found.items()))


def components(structs: Sequence[type[Struct]], personal: str) -> dict[str, Schema]:
    """The schema of each struct and of those inside it, by name, referring to one another as `#/$defs/NAME`."""
    _, parts = msgspec.json.schema_components(structs, ref_template="#/$defs/{name}")
    for each in inspect.multi_type_info(structs):
        annotate(cast(inspect.StructType, each), parts, personal)
    return {name: tidied(part) for name, part in parts.items()}


def annotate(struct: inspect.StructType, parts: dict[str, Schema], personal: str) -> None:
    """Add what msgspec leaves out of a struct's schema: which texts are personal, and which are instants."""
    properties = parts[struct.cls.__name__].get("properties", {})
    for field in struct.fields:
        explain(properties[field.encode_name], field.type, parts, personal)


def explain(schema: Schema, kind: inspect.Type, parts: dict[str, Schema], personal: str) -> None:
    """Add what msgspec leaves out of the schema of one value, and of those inside it."""
    match kind:
        case inspect.Metadata():
            if cast(Schema, kind.extra or {}).get("personal"):  # pyright: ignore[reportUnknownMemberType]
                schema |= {"description": personal, "x-personal": True}
            explain(schema, kind.type, parts, personal)
        case inspect.DateTimeType():
            schema["format"] = "date-time"
        case inspect.UnionType():
            if len(schema.get("anyOf", ())) == len(kind.types):  # several structs make up one choice, and hold neither
                for part, inner in zip(schema["anyOf"], kind.types, strict=True):
                    explain(part, inner, parts, personal)
        case inspect.VarTupleType() | inspect.ListType():
            explain(schema["items"], kind.item_type, parts, personal)
        case inspect.DictType():
            explain(schema["additionalProperties"], kind.value_type, parts, personal)
        case inspect.StructType() if "$ref" in schema:
            annotate(kind, parts, personal)
        case _:
            return


def tidied(schema: Any) -> Any:
    """Without what only OpenAPI knows, with what a decimal number looks like, and docstrings as text."""
    if isinstance(schema, list | tuple):  # a default may be a tuple
        return [tidied(each) for each in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    said = cast(Schema, schema)
    kept = {name: tidied(part) for name, part in said.items() if name != "discriminator"}
    if "discriminator" in said:
        kept["anyOf"].append(later(sorted(said["discriminator"]["mapping"])))
    if kept.get("format") == "decimal":
        kept["pattern"] = DECIMAL
    if isinstance(kept.get("description"), str):
        kept["description"] = cleandoc(kept["description"])
    return kept


def later(tags: Sequence[str]) -> Schema:
    """One more choice beside those tags: so a consumer reads on when there are new ones."""
    return {
        "description": "A fact of a type that came later than this schema: as good as unknown.",
        "type": "object",
        "properties": {"type": {"type": "string", "not": {"enum": tags}}},
        "required": ["type"],
        LATER: True,
    }


def complete(name: str, root: Schema, parts: dict[str, Schema]) -> Schema:
    """A schema that stands alone, with the parts that it refers to."""
    used: dict[str, Schema] = {}
    left = list(references(root))
    while left:
        part = left.pop().rpartition("/")[2]
        if part not in used:
            used[part] = parts[part]
            left += references(parts[part])
    whole = {"$schema": DIALECT, "$id": f"urn:dealtrail:schema:{name}", **root}
    return whole | ({"$defs": used} if used else {})


def references(schema: Any) -> Iterator[str]:
    """Every `$ref` in a schema."""
    inside = cast("dict[str, Any]", schema).values() if isinstance(schema, dict) else schema
    if isinstance(schema, dict) and "$ref" in schema:
        yield schema["$ref"]
    if isinstance(inside, list) or isinstance(schema, dict):
        for each in cast("list[Any]", inside):
            yield from references(each)


def headers() -> Schema:
    """The headers of an event: CloudEvents 1.0, Kafka binding, binary mode."""
    required = {
        "ce_specversion": {"enum": ["1.0"]},
        "ce_id": TEXT | {"pattern": ":[1-9][0-9]*$", "description": "STREAM:VERSION: seen before, it is a repeat."},
        "ce_source": TEXT | {"format": "uri-reference", "description": "The installation."},
        "ce_type": TEXT | {"pattern": f"^{TYPE_PREFIX}[a-z-]+\\.v[0-9]+$", "description": "The event's schema."},
        "ce_time": instant("When it happened."),
        "ce_subject": TEXT | {"pattern": STREAM, "description": "The stream; the record's key too."},
        "ce_position": TEXT | {"pattern": NUMBER, "description": "Its place in the log, which has gaps."},
        "ce_version": TEXT | {"pattern": NUMBER, "description": "Its place in the stream, which has no gaps."},
        "ce_recordedtime": instant("When it was recorded."),
        "content-type": {"enum": ["application/json"]},
    }
    return {
        "title": "EventHeaders",
        "description": "The headers of an event, their values as UTF-8; what is empty is left out.",
        "type": "object",
        "properties": required
        | {name: TEXT | {"description": ABOUT[name]} for name, _ in EXTENSIONS}
        | {TRACE: TEXT | {"pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-01$", "description": TRACED}}
        | {LOG: TEXT | {"description": "The identity of the log: what tells it from every other one."}},
        "required": list(required),
    }


def instant(about: str) -> Schema:
    """A time in UTC to the microsecond, in the one form that sorts as text."""
    return {"type": "string", "format": "date-time", "pattern": INSTANT, "description": about}


def sent_headers() -> Schema:
    """The headers that another system may give a lead, so that it is taken in once."""
    told = {
        "ce_source": "Who sends it; with ce_id, or not at all.",
        "ce_id": "Its id there: whatever is sent again under it is taken in once.",
        "ce_correlationid": "The conversation that it belongs to.",
    }
    properties = {name: TEXT | {"description": about} for name, about in told.items()}
    properties["ce_time"] = TEXT | {"format": "date-time", "description": "When it happened, with a time zone."}
    return {"type": "object", "properties": properties}


MESSAGES: dict[str, Contract] = {
    POSITIONS.name: Contract(Watermark, SEALED_TEXT, {"type": "string", "enum": ["log"]}, {"type": "object"}),
    INTAKE.name: Contract(IncomingLead, CLEAR_TEXT, TEXT | {"description": "Any, or none."}, sent_headers()),
}
"""By topic, of those that carry no events."""
