"""What is asked in JSON: what is read, what is refused, and what msgspec alone would have let through."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import get_args

import msgspec
import pytest
from msgspec import Struct

from domain import COMMANDS, Command
from domain.errors import Malformed, NotFound
from domain.lead import CaptureLead
from domain.lead.profile import EnrichLead
from domain.lead.qualification import AssessCriterion
from domain.money import Money
from domain.opportunity import OpenOpportunity
from domain.opportunity.progress import ChangeStage
from domain.opportunity.terms import ChangeAmount, ChangeCloseDate
from domain.reference.framework import BANT
from domain.reference.process import STANDARD
from infra.application.requests import parse, parse_command
from tests.offenders import every


class Appointment(Struct):
    """A moment, as a command may hold one some day."""

    at: datetime


@every(
    ("tag", "body", "command"),
    [
        ("capture-lead", b'{"source": "fair"}', CaptureLead("fair")),
        ("capture-lead", b'{"source": "f\\u00e4ir", "name": "Jo"}', CaptureLead("fäir", name="Jo")),
        ("capture-lead", {"source": "fair"}, CaptureLead("fair")),
        ("capture-lead", b'{"type": "capture-lead", "source": "fair"}', CaptureLead("fair")),
        ("enrich-lead", b'{"company": null, "phone": ""}', EnrichLead(phone="")),
        ("change-stage", b'{"to": "offer", "criteria_met": ["price"]}', ChangeStage("offer", ("price",))),
        ("change-amount", b'{"to": {"amount": "9.50", "currency": "EUR"}}',
         ChangeAmount(Money(Decimal("9.50"), "EUR"))),
        ("change-amount", {"to": {"amount": Decimal("9.50"), "currency": "EUR"}},
         ChangeAmount(Money(Decimal("9.50"), "EUR"))),
        ("change-close-date", b'{"to": "2026-03-01"}', ChangeCloseDate(date(2026, 3, 1))),
        ("publish-framework", msgspec.json.encode(BANT), BANT),
        ("publish-process", msgspec.json.encode(STANDARD), STANDARD),
    ],
    ids=[
        "text", "text with an escape", "an object", "naming its type", "null and empty", "a list", "money",
        "money as a decimal", "a day", "a framework", "a process",
    ],
)  # fmt: skip
def test_a_command_is_read_from_json(tag, body, command):
    assert parse_command(tag, body) == command


def test_every_command_has_a_name_of_its_own():
    assert set(COMMANDS.values()) == set(get_args(Command))


@every("tag", ["", "Capture-Lead", "capture_lead", "lead-captured", "drop-table"])
def test_a_name_that_no_command_has_is_not_found_and_the_known_ones_are_named(tag):
    with pytest.raises(NotFound) as refusal:
        parse_command(tag, b"{}")
    assert str(refusal.value) == f"there is no command {tag!r}; there are: {', '.join(COMMANDS)}"


CAPTURE_FIELDS = "source, company, owner, name, email, phone, note"
STAGE = '{"id": "a", "name": "A", "order": 1, "kind": "open", "probability": %s, "forecast_category": "omitted"%s}'


def a_process(probability: str, more: str = "") -> bytes:
    return b'{"name": "Sales", "stages": [%s]}' % (STAGE % (probability, more)).encode()


@every(
    ("tag", "body", "reason"),
    [
        # not an object of JSON at all
        ("capture-lead", b"", "the body is not JSON: Input data was truncated"),
        ("capture-lead", b"{", "the body is not JSON: Input data was truncated"),
        ("capture-lead", b'{"source": NaN}', "the body is not JSON: JSON is malformed: invalid character (byte 11)"),
        ("capture-lead", b'{"source": "\xff"}', "the body is not JSON: 'utf-8' codec can't decode byte 0xff"),
        ("capture-lead", b'{"source": "\\ud800"}', "the body is not JSON: "),
        ("capture-lead", b'{"source": 1e999}', "the body is not JSON: Number out of range"),
        ("capture-lead", b"[" * 100_000, "the body is not JSON: maximum recursion depth exceeded"),
        ("capture-lead", b'{"source": ' + b"[" * 40 + b"]" * 40 + b"}", "nested deeper than 32 levels"),
        ("capture-lead", b"[]", "a JSON object is asked for, not an array"),
        ("capture-lead", b"null", "a JSON object is asked for, not null"),
        ("capture-lead", b'"fair"', "a JSON object is asked for, not a string"),
        ("capture-lead", b"1", "a JSON object is asked for, not a number"),
        # fields
        ("capture-lead", b"{}", "source: is missing"),
        ("capture-lead", b'{"source": "fair", "nmae": "Jo"}',
         f"nmae: there is no such field; there are {CAPTURE_FIELDS}"),
        ("capture-lead", b'{"source": "fair", "type": "enrich-lead"}', "type: Invalid value 'enrich-lead'"),
        ("capture-lead", b'{"source": 7}', "source: Expected `str`, got `int`"),
        ("capture-lead", b'{"source": null}', "source: Expected `str`, got `null`"),
        ("capture-lead", b'{"source": true}', "source: Expected `str`, got `bool`"),
        ("capture-lead", b'{"source": " "}', "source: say where the lead came from, such as website or referral"),
        ("change-stage", b'{"to": "a", "criteria_met": "pain"}', "criteria_met: Expected `array`, got `str`"),
        ("change-stage", b'{"to": "a", "criteria_met": ["pain", 2]}', "criteria_met[1]: Expected `str`, got `int`"),
        ("open-opportunity", b'{"process": "process-sales"}', "amount: is missing"),
        # money
        ("change-amount", b'{"to": {"amount": 9.5, "currency": "EUR"}}',
         'to.amount: write a number with a fraction as a string, such as "9.5"'),
        ("change-amount", b'{"to": {"amount": 1e3, "currency": "EUR"}}',
         'to.amount: write a number with a fraction as a string, such as "1000.0"'),
        ("change-amount", b'{"to": {"amount": 9, "currency": "EUR"}}',
         'to.amount: write the amount as a string, such as "1054.00", not as a number'),
        ("change-amount", b'{"to": {"amount": true, "currency": "EUR"}}', "to.amount: Expected `decimal`, got `bool`"),
        ("change-amount", b'{"to": {"amount": "9,50", "currency": "EUR"}}', "to.amount: Invalid decimal string"),
        ("change-amount", b'{"to": {"amount": "NaN", "currency": "EUR"}}',
         "to.amount: NaN is not a finite amount from 0 to below 10^14"),
        ("change-amount", b'{"to": {"amount": "Infinity", "currency": "EUR"}}',
         "to.amount: Infinity is not a finite amount from 0 to below 10^14"),
        ("change-amount", b'{"to": {"amount": "-1", "currency": "EUR"}}',
         "to.amount: -1 is not a finite amount from 0 to below 10^14"),
        ("change-amount", b'{"to": {"amount": "9.50"}}', "to.currency: is missing"),
        ("change-amount", b'{"to": {"amount": "9.50", "currency": "eur"}}',
         "to.currency: 'eur' is not an ISO 4217 code such as EUR"),
        ("change-amount", b'{"to": {"amount": "9.50", "currency": "EUR", "cents": 5}}',
         "to.cents: there is no such field; there are amount, currency"),
        ("win-opportunity", b'{"amount": {"amount": 9, "currency": "EUR"}}',
         'amount.amount: write the amount as a string, such as "1054.00", not as a number'),
        # days
        ("change-close-date", b'{"to": "2026-03-01T00:00:00Z"}', "to: Invalid RFC3339 encoded date"),
        ("change-close-date", b'{"to": "2026-02-30"}', "to: Invalid RFC3339 encoded date"),
        ("change-close-date", b'{"to": 1772323200}', "to: Expected `date`, got `int`"),
        ("change-close-date", {"to": datetime(2026, 3, 1, tzinfo=UTC)}, "to: Expected `date`, got `datetime`"),
        # deep inside
        ("publish-process", a_process("0.5"),
         'stages[0].probability: write a number with a fraction as a string, such as "0.5"'),
        ("publish-process", msgspec.json.encode(STANDARD).replace(b'"stale_days"', b'"stale"'),
         "stages[0].stale: there is no such field; there are id, name, order, kind, probability, forecast_category,"),
        ("publish-framework", msgspec.json.encode(BANT).replace(b'"required"', b'"needed"'),
         "criteria[0].needed: there is no such field; there are id, question, answers, met, required"),
        ("correct-fact", b'{"version": 2, "reason": "typo", "replacement": {"type": "amount-changed", "from":'
         b' {"amount": "1", "currency": "EUR"}, "to": {"amount": 2, "currency": "EUR"}}}',
         'replacement.to.amount: write the amount as a string, such as "1054.00", not as a number'),
        ("correct-fact", b'{"version": 2, "reason": "typo", "replacement": {"type": "owner-changed", "from": "ann",'
         b' "to": "bob", "by": "dan"}}', "replacement.by: there is no such field; there are from, to"),
        ("correct-fact", b'{"version": 2, "reason": "typo", "replacement": {"type": "quota-set"}}',
         "replacement.type: Invalid value 'quota-set'"),
        ("set-line-item", b'{"item": "a", "product": "boat", "quantity": 1.5, "unit_price": {"amount": "9.50",'
         b' "currency": "EUR"}}', 'quantity: write a number with a fraction as a string, such as "1.5"'),
        ("publish-process", a_process('"0.5"').replace(b"open", b"opne"), "stages[0].kind: Invalid enum value 'opne'"),
        ("publish-process", a_process('"0.5"'), "stages: 1 given; a process has from 3 (open, won, lost) to 60"),
        ("publish-framework", b'{"name": "F", "criteria": [{"id": "a"}]}', "criteria[0].question: is missing"),
    ],
    ids=lambda value: None if isinstance(value, bytes | dict) else value[:60],
)  # fmt: skip
def test_what_is_not_exactly_a_command_is_malformed_naming_the_field_and_the_reason(tag, body, reason):
    with pytest.raises(Malformed) as refusal:
        parse_command(tag, body)
    assert reason in str(refusal.value)
    assert str(refusal.value).startswith(reason) or reason.startswith("nested")


def test_a_moment_without_a_time_zone_is_malformed():
    with pytest.raises(Malformed, match=r"^at: 2026-03-01T09:00:00 has no time zone, such as Z or \+02:00$"):
        parse(Appointment, b'{"at": "2026-03-01T09:00:00"}')
    assert parse(Appointment, b'{"at": "2026-03-01T09:00:00Z"}').at == datetime(2026, 3, 1, 9, tzinfo=UTC)


@every(
    ("kind", "body"),
    [
        (ChangeAmount, b'{"to": {"amount": 9.5, "currency": "EUR"}}'),
        (ChangeAmount, b'{"to": {"amount": 9, "currency": "EUR"}}'),
        (ChangeAmount, b'{"to": {"amount": "9.50", "currency": "EUR", "cents": 5}}'),
        (Money, b'{"amount": "NaN", "currency": "EUR"}'),
        (Appointment, b'{"at": "2026-03-01T09:00:00"}'),
    ],
    ids=["a float as an amount", "an integer as an amount", "an unknown field in money", "NaN", "a naive moment"],
)
def test_control_msgspec_alone_would_accept_it(kind, body):
    assert isinstance(msgspec.json.decode(body, type=kind), kind)
    if kind is not Money:  # its bounds are the commands' own
        with pytest.raises(Malformed):
            parse(kind, body)


@every(
    "command",
    [OpenOpportunity("process-sales", Money(Decimal("9.50"), "EUR")), AssessCriterion("need", "yes"), BANT, STANDARD],
)
def test_what_a_command_encodes_to_is_read_back(command):
    assert parse_command(command.__struct_config__.tag, msgspec.json.encode(command)) == command
