"""Whether two versions of a contract understand one another, by their JSON Schemas alone.

A writer writes the fields that its schema names and no others; a reader ignores fields that its schema does not name,
unless it says that there may be none.
"""

from collections.abc import Iterator
from typing import Any

from infra.kafka.schemas import LATER

Schema = dict[str, Any]

SILENT = {"$schema", "$id", "$defs", "title", "description", "default", "x-personal", LATER}
EXACT = ("pattern", "format", "not")  # narrower or wider cannot be told: they are the same, or not there for a reader
LOWEST = ("minimum", "exclusiveMinimum", "minLength", "minItems")
HIGHEST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
SHAPE = {"$ref", "anyOf", "type", "enum", "properties", "required", "additionalProperties", "items"}
KNOWN = SILENT | SHAPE | {*EXACT, *LOWEST, *HIGHEST}
NUMBERS = {("integer", "number")}


def breaks(old: Schema, new: Schema, only_read: bool = False) -> list[str]:
    """What keeps two versions of a schema from replacing one another, in both directions; none where nothing does.

    only_read: nobody but us reads such messages, so that nobody reads today's as before.
    """
    backward = Reading(new, old, "today cannot read what was written before", everything=True)
    forward = Reading(old, new, "whoever reads as before cannot read today's")
    return [*backward.gaps(new, old, "$"), *(() if only_read else forward.gaps(old, new, "$"))]


class Reading:
    """One direction: what of all that a writer may write a reader refuses; with `everything`, what it ignores too."""

    def __init__(self, reader: Schema, writer: Schema, what: str, everything: bool = False) -> None:
        self.reader, self.writer, self.what, self.everything = reader, writer, what, everything

    def gaps(self, reader: Schema, writer: Schema, path: str) -> Iterator[str]:
        reader, writer = resolved(reader, self.reader), resolved(writer, self.writer)
        if strange := (set(reader) | set(writer)) - KNOWN:
            raise NotImplementedError(f"{path}: nobody has said yet what {', '.join(sorted(strange))} means here")
        if "anyOf" in writer:
            for choice in writer["anyOf"]:
                yield from self.gaps(reader, choice, path)
        elif writer.get(LATER):
            return
        elif "anyOf" in reader:
            yield from min(([*self.gaps(choice, writer, path)] for choice in reader["anyOf"]), key=len)
        else:
            yield from self.value(reader, writer, path)
            yield from self.fields(reader, writer, path)

    def value(self, reader: Schema, writer: Schema, path: str) -> Iterator[str]:
        """One value: its type, its values where they are listed, its bounds."""
        types = writer.get("type", "string" if "enum" in writer else None), reader.get("type")
        if types[1] is not None and types[0] != types[1] and types not in NUMBERS:
            yield f"{path}: {types[0]} instead of {types[1]}: {self.what}"
        if "enum" in reader and not set(writer.get("enum", ["anything"])) <= set(reader["enum"]):
            yield f"{path}: {writer.get('enum', 'anything')} instead of {reader['enum']}: {self.what}"
        for name in EXACT:
            if name in reader and reader[name] != writer.get(name) and "enum" not in writer:
                yield f"{path}: {name} {writer.get(name)} instead of {reader[name]}: {self.what}"
        for names, sign in ((LOWEST, 1), (HIGHEST, -1)):
            for name in names:
                if name in reader and (name not in writer or sign * writer[name] < sign * reader[name]):
                    yield f"{path}: {name} {writer.get(name)} instead of {reader[name]}: {self.what}"

    def fields(self, reader: Schema, writer: Schema, path: str) -> Iterator[str]:
        """What is inside: of an object by name, or under any name, and of an array."""
        told, written = reader.get("properties", {}), writer.get("properties", {})
        rest = reader.get("additionalProperties", True)
        for name in reader.get("required", ()):
            if name not in writer.get("required", ()):
                yield f"{path}.{name}: required, and may be missing: {self.what}"
        for name, part in written.items():
            if name in told:
                yield from self.gaps(told[name], part, f"{path}.{name}")
            elif rest is False:
                yield f"{path}.{name}: may not be there: {self.what}"
            elif isinstance(rest, dict):
                yield from self.gaps(rest, part, f"{path}.{name}")
            elif self.everything:
                yield f"{path}.{name}: is gone: {self.what}"
        every = writer.get("additionalProperties")
        if isinstance(every, dict):
            if not isinstance(rest, dict):
                yield f"{path}: any name instead of {', '.join(told) or 'none'}: {self.what}"
            else:
                yield from self.gaps(rest, every, f"{path}.*")
        if "items" in reader:
            yield from self.gaps(reader["items"], writer.get("items", {}), f"{path}[]")


def resolved(schema: Schema, root: Schema) -> Schema:
    """What a reference leads to."""
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return schema
