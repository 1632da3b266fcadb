"""JSON Schemas of what goes in and comes out: msgspec's, with whole docstrings, closed objects and exact numbers."""

import inspect
from collections.abc import Iterable, Mapping
from typing import Any, cast, get_type_hints

import msgspec
from msgspec import Struct

from domain.money import CURRENCIES, digits
from domain.portion import is_portion
from infra.application.meanings import meaning_of

REF = "#/components/schemas/{name}"
NUMBER = {"type": "string", "pattern": "^-?(0|[1-9][0-9]{0,27})(\\.[0-9]{1,20})?$"}
"""A number with a fraction, as a text, so that nobody rounds it."""
CHANCE = r"^(0(\.[0-9]{1,4})?|1(\.0{1,4})?)$"
"""A part of a whole, to the basis point."""
WITHOUT_NUL = {
    None: "^[^\\u0000]*$",
    "\\S": "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$",
    "^$|@": "^([^\\u0000]*@[^\\u0000]*)?$",
}
"""The patterns of texts that would let the NUL character in, which databases differ on, and what keeps it out."""
EACH_REFUSED = ("BulkCommand",)
"""The structs of which one that holds it is refused by itself, and not the body."""
Schema = dict[str, Any]


def ref(struct: type[Struct]) -> Schema:
    """The reference to the schema of a struct."""
    return {"$ref": REF.format(name=struct.__name__)}


def components(structs: Iterable[type[Struct]]) -> dict[str, Schema]:
    """The schemas of structs, and of all that these hold, by name."""
    _, schemas = msgspec.json.schema_components([*dict.fromkeys(structs)], ref_template=REF)
    cleaned_schemas = {name: cleaned(schema, name not in EACH_REFUSED) for name, schema in schemas.items()}
    if "Money" in cleaned_schemas:
        cleaned_schemas["Money"] = money(cleaned_schemas["Money"]["description"])
    return cleaned_schemas


def currencies() -> Schema:
    """The codes that there are."""
    return {"type": "string", "enum": sorted(CURRENCIES), "description": "An ISO 4217 code such as EUR."}


def money(description: str) -> Schema:
    """An amount with its currency: by how many decimal places that has."""
    by_digits: dict[int, list[str]] = {}
    for code in sorted(CURRENCIES):
        by_digits.setdefault(digits(code), []).append(code)
    choices = [
        record({"amount": {"type": "string", "pattern": amount_pattern(places)}, "currency": {"enum": codes}})
        for places, codes in sorted(by_digits.items(), key=lambda pair: -len(pair[1]))
    ]
    return {"title": "Money", "description": description, "anyOf": choices}


def amount_pattern(places: int) -> str:
    """An amount of a currency with so many decimal places."""
    return f"^(0|[1-9][0-9]{{0,13}})(\\.[0-9]{{1,{places}}})?$" if places else "^(0|[1-9][0-9]{0,13})$"


def writable(command: type[Struct], beside: Mapping[str, Schema], optional: Iterable[str] = ()) -> Schema:
    """The schema of a command as a body: its tag may be left out, and other members stand beside its fields."""
    schema = components([command])[command.__name__]
    tag, hints = command.__struct_config__.tag_field, get_type_hints(command, include_extras=True)
    required = [name for name in schema.get("required", ()) if name not in (tag, *optional)]
    properties = {
        name: {**part, **({} if name == tag else explained(command, name, is_portion(hints[name])))}
        for name, part in schema["properties"].items()
    }
    schema = {name: value for name, value in schema.items() if name not in ("required", "description", "properties")}
    return {**schema, "properties": {**properties, **beside}, **({"required": required} if required else {})}


def explained(command: type[Struct], field: str, portion: bool) -> Schema:
    """What is said of a field beside its type."""
    meaning = meaning_of(command, field)
    bounds = {"pattern": CHANCE} if portion else {}
    return {**bounds, "description": meaning.text, "examples": [meaning.example]}


def cleaned(schema: Any, texts: bool = True) -> Any:
    """A schema whose objects are closed, descriptions not indented, and whose decimals, and texts, have a pattern."""
    if isinstance(schema, list):
        return [cleaned(each, texts) for each in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    parts = {**cast("Schema", schema)}
    if isinstance(parts.get("description"), str):
        parts["description"] = inspect.cleandoc(parts["description"])
    if parts.get("format") == "decimal":
        kept = {name: part for name, part in parts.items() if name not in ("format", "type")}
        return {**NUMBER, **kept}
    if texts and parts.get("type") == "string" and not {"format", "enum"} & parts.keys():
        parts["pattern"] = WITHOUT_NUL.get(parts.get("pattern"), parts.get("pattern"))
    as_it_is = ("default", "enum", "pattern")
    parts = {name: part if name in as_it_is else cleaned(part, texts) for name, part in parts.items()}
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
