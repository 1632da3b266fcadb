"""The committed schemas are those of the code, and every event ever stored is what its schema says."""

import re
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from jsonschema import Draft202012Validator
from msgspec import Struct

from consumers.lead_intake import IncomingLead
from domain import Event
from domain.correction import CorrectFact
from domain.errors import Malformed
from domain.lead import CaptureLead, LeadCaptured
from domain.recorded import Request
from domain.upcasting import RETIRED, UPCASTS, Retired
from infra.application.app import opened
from infra.application.requests import parse
from infra.kafka.asyncapi import document
from infra.kafka.envelope import EXTENSIONS, event_type, headers
from infra.kafka.schemas import CLEAR_TEXT, HEADERS, SEALED_TEXT, components, events, schemas
from infra.kafka.topics import EVENT_TOPICS, INTAKE, OF_KIND, TOPICS
from infra.settings import Settings
from tests.cli.program import ROOT, dealtrail
from tests.domain.table import tag
from tests.offenders import every

COMMITTED = ROOT / "docs" / "schemas"
SCHEMAS = schemas()
LINES = (ROOT / "tests/golden/history.jsonl").read_bytes().splitlines()
TYPES = [msgspec.json.decode(line)["type"] for line in LINES]


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(SCHEMAS[name], format_checker=Draft202012Validator.FORMAT_CHECKER)


def errors(name: str, value: Any) -> list[str]:
    return [error.message for error in validator(name).iter_errors(value)]


def test_the_committed_files_are_what_the_verb_writes_today(tmp_path: Path):
    made = dealtrail("schemas", "--out", "made", "--json", folder=tmp_path).document()["written"]
    kept = {file.relative_to(COMMITTED).as_posix() for file in COMMITTED.glob("*.json")}
    assert kept == set(made), "docs/schemas: run `make generate`"
    for name in made:
        assert (tmp_path / "made" / name).read_bytes() == (COMMITTED / name).read_bytes(), (
            f"{name}: run `make generate`"
        )


def test_a_release_is_kept_and_never_changed(tmp_path: Path):
    kept = tmp_path / "made" / "released" / "1.2.3.json"
    for _ in range(2):
        assert dealtrail("schemas", "--out", "made", "--release", "1.2.3", folder=tmp_path).code == 0
    assert msgspec.json.decode(kept.read_bytes()) == SCHEMAS
    kept.write_text("{}")
    again = dealtrail("schemas", "--out", "made", "--release", "1.2.3", folder=tmp_path)
    assert (again.code, kept.read_text()) == (2, "{}")
    assert "release: 1.2.3 was released with other schemas" in again.err
    unnamed = dealtrail("schemas", "--out", "made", "--release", "next", folder=tmp_path)
    assert (unnamed.code, "release: 'next' is no version" in unnamed.err) == (2, True)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "made").write_text("a file")
    ran = dealtrail("schemas", "--out", "made", folder=tmp_path)
    assert (ran.code, "out: " in ran.err) == (1, True)


def test_there_is_a_schema_for_every_event_and_every_other_message_and_no_other():
    tags = {event_type(tag(event)) for event in get_args(Event)} | {event_type(retired) for retired in UPCASTS}
    assert set(SCHEMAS) == tags | {topic.name for topic in TOPICS if topic not in EVENT_TOPICS} | {HEADERS}


def test_a_retired_event_keeps_the_struct_that_its_schema_is_made_from():
    assert set(RETIRED) == set(UPCASTS)
    assert all(tag(each.shape) == name for name, each in RETIRED.items())
    assert all(set(each.kinds) <= set(OF_KIND) and each.kinds for each in RETIRED.values())


class LeadScored(Struct, frozen=True, tag="lead-scored"):
    """A lead was given a score, long ago."""

    score: int


def test_a_retired_event_is_described_as_long_as_there_may_be_history_of_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("infra.kafka.schemas.RETIRED", {"lead-scored": Retired(LeadScored, ("lead",))})
    found, told = schemas(), document()
    assert set(found) == set(SCHEMAS) | {"dealtrail.lead-scored.v1"}
    assert found["dealtrail.lead-scored.v1"]["required"] == ["type", "score"]
    topics = [name for name, each in told["channels"].items() if "dealtrail.lead-scored.v1" in each["messages"]]
    assert topics == ["sales.lead.events.v1"]


def test_no_two_structs_of_one_name_share_a_schema():
    assert len({event.__name__ for event in events()}) == len(events())


@every("name", SCHEMAS)
def test_a_schema_is_valid_and_refers_to_nothing_that_it_does_not_hold(name):
    Draft202012Validator.check_schema(SCHEMAS[name])
    used = set(re.findall(r'"#/\$defs/(\w+)"', msgspec.json.encode(SCHEMAS[name]).decode()))
    assert used == set(SCHEMAS[name].get("$defs", ()))


@every("line", LINES, ids=TYPES)
def test_every_event_ever_stored_is_what_its_schema_says(line):
    event = msgspec.json.decode(line)
    assert errors(event_type(event["type"]), event) == []


def corrupted(event: dict[str, Any], required: list[str]) -> Iterator[dict[str, Any]]:
    """An event without each field that it needs, and with something else in each field that it has."""
    yield from ({name: value for name, value in event.items() if name != gone} for gone in required)
    yield from (event | {name: {"an": ["object"]}} for name in event if name != "stage_mapping")


@every("line", LINES, ids=TYPES)
def test_an_event_that_misses_a_field_or_holds_something_else_is_not(line):
    event = msgspec.json.decode(line)
    name = event_type(event["type"])
    made = list(corrupted(event, SCHEMAS[name]["required"]))
    assert made
    assert [each for each in made if not errors(name, each)] == []


@every(
    ("name", "changed"),
    [
        ("amount-changed", {"to": {"amount": 10.5, "currency": "USD"}}),
        ("amount-changed", {"to": {"amount": "ten", "currency": "USD"}}),
        ("amount-changed", {"to": {"amount": "NaN", "currency": "USD"}}),
        ("amount-changed", {"to": {"amount": "10.50"}}),
        ("close-date-changed", {"to": "next Friday"}),
        ("close-date-changed", {"to": "2026-02-30"}),
        ("stage-changed", {"direction": "sideways"}),
        ("stage-changed", {"process_version": "2"}),
        ("fact-corrected", {"replacement": {"type": "opportunity-lost", "note": "no reason"}}),
        ("fact-corrected", {"replacement": {"reason": "no type"}}),
    ],
)
def test_a_value_that_only_looks_right_is_refused(name, changed):
    event = next(msgspec.json.decode(line) for line, each in zip(LINES, TYPES, strict=True) if each == name)
    assert errors(event_type(name), event | changed)


def test_a_field_and_a_fact_that_came_later_are_no_reason_to_refuse():
    event = next(msgspec.json.decode(line) for line, each in zip(LINES, TYPES, strict=True) if each == "fact-corrected")
    later = event | {"replacement": {"type": "opportunity-blessed", "by": "bea"}, "new": 1}
    assert errors("dealtrail.fact-corrected.v1", later) == []


@every("amount", ["0", "0.500", "-3", "999999999999999.99", "1E+5", "0E-10"])
def test_a_decimal_is_text_in_every_form_that_is_stored(amount):
    assert errors("dealtrail.fx-rate-set.v1", {
        "type": "fx-rate-set", "base": "USD", "quote": "EUR", "day": "2026-03-01", "rate": amount,
    }) == []  # fmt: skip


class Timed(Struct, tag="timed"):
    """Something with instants.

    Told on several lines.
    """

    at: datetime
    until: datetime | None
    often: tuple[datetime, ...]
    by_name: dict[str, datetime]


def test_an_instant_says_that_it_is_one_wherever_it_stands():
    found = components([Timed], SEALED_TEXT)["Timed"]
    fields = found["properties"]
    assert [fields["at"], fields["until"]["anyOf"][0], fields["often"]["items"],
            fields["by_name"]["additionalProperties"]] == [{"type": "string", "format": "date-time"}] * 4  # fmt: skip
    assert found["description"] == "Something with instants.\n\nTold on several lines."


def test_personal_fields_say_that_they_are_sealed_and_those_from_outside_that_they_are_not():
    stored = SCHEMAS["dealtrail.lead-captured.v1"]["properties"]
    sent = SCHEMAS["sales.lead.intake.v1"]["properties"]
    for name in ("name", "email", "phone", "note"):
        assert (stored[name]["description"], stored[name]["x-personal"]) == (SEALED_TEXT, True)
        assert (sent[name]["description"], sent[name]["x-personal"]) == (CLEAR_TEXT, True)
    assert all("x-personal" not in fields[name] for fields in (stored, sent) for name in ("source", "company", "owner"))
    part = SCHEMAS["dealtrail.fact-corrected.v1"]["$defs"]["LeadCaptured"]["properties"]
    assert part["email"]["x-personal"]


def test_the_headers_that_are_sent_are_those_of_the_contract(tmp_path: Path):
    settings = Settings(db=f"sqlite:///{tmp_path / 'log.db'}", key_file=str(tmp_path / "key"))
    with opened(settings) as app:
        dispatcher = app.dispatcher()
        lead = Request(stream="lead-7", command=CaptureLead("website", name="Jo Döe"), actor="ann", reason="why")
        dispatcher.execute(lead)
        correction = CorrectFact(1, "a slip", LeadCaptured("fair", name="Jo Roe"))
        dispatcher.execute(Request(stream="lead-7", command=correction, actor="ann"))
        rows = app.log.stored_after(0, 100)
    assert len(rows) == 4
    for row in rows:
        sent = {name: value.decode() for name, value in headers(row, b"/dealtrail")}
        assert errors(HEADERS, sent) == []
        assert errors(sent["ce_type"], msgspec.json.decode(row.body)) == []
        for name in sent:
            if name in SCHEMAS[HEADERS]["required"]:
                assert errors(HEADERS, {each: sent[each] for each in sent if each != name}), name
    assert {name for row in rows for name, _ in headers(row, b"/dealtrail")} <= set(SCHEMAS[HEADERS]["properties"])
    assert [name for name, _ in EXTENSIONS if name not in SCHEMAS[HEADERS]["properties"]] == []


@every(
    ("lead", "taken"),
    [
        ({"source": "fair"}, True),
        ({"source": "fair", "email": "jo@acme.example", "captured_at": "2026-03-31T09:00:00Z"}, True),
        ({"source": "fair", "captured_at": None}, True),
        ({"email": "jo@acme.example"}, False),
        ({"source": 7}, False),
        ({"source": "fair", "score": "high"}, False),
        ({"source": "fair", "company": None}, False),
    ],
)
def test_a_lead_from_outside_is_taken_in_just_where_its_schema_says_so(lead: dict[str, Any], taken: bool):
    assert (errors(INTAKE.name, lead) == []) == taken
    with nullcontext() if taken else pytest.raises(Malformed):
        parse(IncomingLead, msgspec.json.encode(lead))
