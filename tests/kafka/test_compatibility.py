"""Whoever read a topic at any release reads it today, and the other way round."""

from copy import deepcopy
from datetime import date
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta, Struct, defstruct

from infra.kafka.schemas import LATER, SEALED_TEXT, complete, components, schemas
from infra.kafka.topics import INTAKE
from tests.cli.program import ROOT
from tests.kafka.compatibility import breaks
from tests.offenders import every

RELEASED = {
    file.stem: msgspec.json.decode(file.read_bytes()) for file in (ROOT / "docs/schemas/released").glob("*.json")
}
Kind = Literal["open", "won"]


class Part(Struct, frozen=True, tag="part"):
    """An event, or a part of one."""

    size: int


class Other(Struct, frozen=True, tag="other"):
    """Another one."""

    name: str


class Third(Struct, frozen=True, tag="third"):
    """One that came later."""

    name: str


def schema(*fields: Any, **config: Any) -> dict[str, Any]:
    """The contract of an event with these fields."""
    struct = defstruct("Happened", fields, tag="happened", kw_only=True, **config)
    parts = components([struct], SEALED_TEXT)
    return complete("happened", parts["Happened"], parts)


Changed = tuple[Any, ...]

BREAKS: dict[str, tuple[Changed, Changed]] = {
    "a required field added": ((), (("b", str),)),
    "a required field removed": ((("b", str),), ()),
    "an optional field removed": ((("b", str, ""),), ()),
    "a field renamed": ((("b", str),), (("c", str),)),
    "an optional field that became required": ((("b", str, ""),), (("b", str),)),
    "a required field that became optional": ((("b", str),), (("b", str, ""),)),
    "another type": ((("b", str),), (("b", int),)),
    "a narrower type": ((("b", float),), (("b", int),)),
    "a wider type": ((("b", int),), (("b", float),)),
    "null dropped": ((("b", str | None),), (("b", str),)),
    "null allowed": ((("b", str),), (("b", str | None),)),
    "a value removed": ((("b", Kind),), (("b", Literal["open"]),)),
    "a value added": ((("b", Kind),), (("b", Literal["open", "won", "lost"]),)),
    "a text that became one of some values": ((("b", str),), (("b", Kind),)),
    "some values that became any text": ((("b", Kind),), (("b", str),)),
    "a pattern added": ((("b", str),), (("b", Annotated[str, Meta(pattern="^a")]),)),
    "a pattern dropped": ((("b", Annotated[str, Meta(pattern="^a")]),), (("b", str),)),
    "a pattern changed": (
        (("b", Annotated[str, Meta(pattern="^a")]),),
        (("b", Annotated[str, Meta(pattern="^ab")]),),
    ),
    "a text that became a date": ((("b", str),), (("b", date),)),
    "a date that became a text": ((("b", date),), (("b", str),)),
    "a lower bound raised": (
        (("b", Annotated[int, Meta(ge=0)]),),
        (("b", Annotated[int, Meta(ge=1)]),),
    ),
    "a lower bound dropped": ((("b", Annotated[int, Meta(ge=0)]),), (("b", int),)),
    "an upper bound added": ((("b", str),), (("b", Annotated[str, Meta(max_length=9)]),)),
    "other items": ((("b", tuple[str, ...]),), (("b", tuple[int, ...]),)),
    "another map": ((("b", dict[str, str]),), (("b", dict[str, int]),)),
    "a map that became an object": ((("b", dict[str, str]),), (("b", Part),)),
    "another part": ((("b", Part),), (("b", Other),)),
    "a part that may be missing": ((("b", Part),), (("b", Part | None),)),
    "a choice removed": ((("b", Part | Other),), (("b", Part | Third),)),
}

HARMLESS: dict[str, tuple[Changed, Changed]] = {
    "nothing": ((("b", str),), (("b", str),)),
    "an optional field added": ((), (("b", str, ""),)),
    "an optional field with null added": ((), (("b", str | None, None),)),
    "an optional map added": ((), (("b", dict[str, str], {}),)),
    "an optional part added": ((), (("b", Part | None, None),)),
    "another default": ((("b", str, ""),), (("b", str, "x"),)),
    "a fact of a new type to be corrected": ((("b", Part | Other),), (("b", Part | Other | Third),)),
}


@every("name", BREAKS)
def test_a_change_that_breaks_somebody_is_seen(name):
    before, after = BREAKS[name]
    assert breaks(schema(("a", int), *before), schema(("a", int), *after))


@every("name", HARMLESS)
def test_a_change_that_breaks_nobody_passes(name):
    before, after = HARMLESS[name]
    assert breaks(schema(("a", int), *before), schema(("a", int), *after)) == []


def test_a_new_type_of_fact_would_break_corrections_if_readers_were_not_told_that_it_may_come():
    before, after = (schema(("b", choice)) for choice in (Part | Other, Part | Other | Third))
    told = before["properties"]["b"]["anyOf"]
    assert [each for each in told if each.get(LATER)] == [told.pop()]
    assert breaks(before, after)


def test_an_object_that_refuses_unknown_fields_is_a_break_as_soon_as_it_gets_one():
    closed = {"forbid_unknown_fields": True}
    before, after = schema(("a", int), **closed), schema(("a", int), ("b", str, ""), **closed)
    assert breaks(before, after)
    assert breaks(before, after, only_read=True) == []
    assert breaks(after, before, only_read=True), "and we have to go on reading what it may hold"


def test_a_break_deep_inside_is_seen_and_named():
    whole = schemas()["dealtrail.opportunity-opened.v1"]
    changed = deepcopy(whole)
    changed["$defs"]["Money"]["properties"]["currency"]["pattern"] = "^[A-Z]{3}$"
    [seen] = breaks(whole, changed)
    assert seen.startswith("$.amount.currency: pattern None instead of ^[A-Z]{3}$")


def test_a_keyword_that_nobody_has_thought_of_is_not_passed_over():
    changed = schema(("a", int)) | {"unevaluatedProperties": False}
    with pytest.raises(NotImplementedError, match="unevaluatedProperties"):
        breaks(schema(("a", int)), changed)


def test_two_releases_that_fit_their_neighbours_need_not_fit_one_another():
    """Why today's schemas are held against every release, not against the last one alone."""
    first, second, third = schema(("b", str, "")), schema(), schema(("b", int, 0))
    assert breaks(second, third) == []
    assert breaks(first, third)


@every("version", RELEASED)
def test_the_schemas_of_today_and_of_every_release_understand_one_another(version):
    today = schemas()
    assert set(RELEASED[version]) <= set(today), "what was released once stays, a retired event too"
    found = {name: breaks(old, today[name], name == INTAKE.name) for name, old in RELEASED[version].items()}
    assert {name: each for name, each in found.items() if each} == {}


def test_there_is_a_release_to_be_compatible_with():
    assert "0.1.0" in RELEASED
