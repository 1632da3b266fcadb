"""JSON Schemas of what goes in and comes out: msgspec's, with whole docstrings, closed objects and exact numbers."""

import inspect
from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec
from msgspec import Struct

REF = "#/components/schemas/{name}"
NUMBER = {"type": "string", "pattern": "^-?(0|[1-9][0-9]{0,27})(\\.[0-9]{1,20})?$"}
"""A number with a fraction, as a text, so that nobody rounds it."""
Schema = dict[str, Any]


def ref(struct: type[Struct]) -> Schema:
    """The reference to the schema of a struct."""
    return {"$ref": REF.format(name=struct.__name__)}


def components(structs: Iterable[type[Struct]]) -> dict[str, Schema]:
    """The schemas of structs, and of all that these hold, by name."""
    _, schemas = msgspec.json.schema_components([*dict.fromkeys(structs)], ref_template=REF)
    return {name: cleaned(schema) for name, schema in schemas.items()}


def writable(command: type[Struct], beside: Mapping[str, Schema], optional: Iterable[str] = ()) -> Schema:
    """The schema of a command as a body: its tag may be left out, and other members stand beside its fields."""
    schema = components([command])[command.__name__]
    tag = command.__struct_config__.tag_field
    required = [name for name in schema.get("required", ()) if name not in (tag, *optional)]
    schema = {name: value for name, value in schema.items() if name not in ("required", "description")}
    schema["properties"] = {**schema["properties"], **beside}
    return {**schema, **({"required": required} if required else {})}


def cleaned(schema: Any) -> Any:
    """A schema whose objects are closed, whose descriptions are not indented, and whose decimals have a pattern."""
    if isinstance(schema, list):
        return [cleaned(each) for each in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    parts = {**cast("Schema", schema)}
    if isinstance(parts.get("description"), str):
        parts["description"] = inspect.cleandoc(parts["description"])
    if parts.get("format") == "decimal":
        kept = {name: part for name, part in parts.items() if name not in ("format", "type")}
        return {**NUMBER, **kept}
    parts = {name: part if name in ("default", "enum", "pattern") else cleaned(part) for name, part in parts.items()}
    if parts.get("type") == "object" and "properties" in parts and isinstance(parts["properties"], dict):
        parts.setdefault("additionalProperties", False)
    return parts


def array(items: Schema) -> Schema:
    """A list of such."""
    return {"type": "array", "items": items}


def record(properties: Mapping[str, Schema], optional: Iterable[str] = ()) -> Schema:
    """An object that has just these members."""
    left_out = {*optional}
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in left_out],
        "additionalProperties": False,
    }


TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
TIME: Schema = {"type": "string", "format": "date-time"}
ANYTHING: Schema = {"type": "object"}
