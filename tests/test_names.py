"""Nouns and verbs are derived from the commands of the domain, one for each, and lead back to them."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import fields

from domain import COMMANDS, DECIDERS, KINDS
from domain.errors import Malformed
from domain.money import Money
from domain.recorded import Request
from domain.reference.customer import OpenCustomer, customer_stream
from domain.reference.forecast import AdjustForecast
from domain.reference.team import ChangeTeam
from infra.application.app import opened
from infra.application.meanings import meaning_of
from infra.application.names import COMMANDS_OF, PLURALS, Name, name_of, names_of, tag_of
from infra.application.requests import parse_command
from infra.settings import Settings


def test_every_command_has_one_name_under_each_noun_and_the_name_leads_back_to_it() -> None:
    for decider in DECIDERS:
        assert len(COMMANDS_OF[decider.kind]) == len(decider.commands), f"two commands of {decider.kind} share a verb"
        for command in decider.commands:
            noun, verb = name_of(command, decider.kind)
            assert COMMANDS_OF[noun][verb] is command


def test_a_tag_leads_to_the_names_of_its_command_one_for_each_kind_that_takes_it() -> None:
    for tag, command in COMMANDS.items():
        assert {name.noun for name in names_of(tag)} == KINDS[command]
        assert all(tag_of(COMMANDS_OF[noun][verb]) == tag for noun, verb in names_of(tag))
    assert names_of("fly-to-the-moon") == []


def test_a_verb_leaves_its_noun_out() -> None:
    names = {str(name) for tag in COMMANDS for name in names_of(tag)}
    assert {
        "lead capture", "lead convert", "lead assess-criterion", "lead correct", "opportunity correct",
        "opportunity win", "opportunity change-stage", "process publish", "process rename-stage", "rate set",
        "subject erase", "team change", "calendar set", "forecast adjust",
    } <= names  # fmt: skip
    assert not [name for name in names if name.split()[0] in name.split()[1].split("-")]


def test_plurals_are_english_and_lead_back_to_their_nouns() -> None:
    assert PLURALS["lead"] == "leads"
    assert PLURALS["opportunity"] == "opportunities"
    assert PLURALS["process"] == "processes"
    assert PLURALS["quota"] == "quotas"
    assert len({*PLURALS.values()}) == len(DECIDERS)


@pytest.mark.parametrize(
    ("tag", "stream"),
    [
        ("set-calendar", "calendar-organisation"),
        ("set-fx-rate", "rate-USD-EUR"),
        ("set-quota", "quota-ann"),
        ("adjust-forecast", "forecast-ann"),
        ("submit-forecast", "forecast-ann"),
        ("open-customer", customer_stream("alder clinics", "")),
    ],
)
def test_what_a_command_says_names_its_stream_where_nobody_does(tmp_path: Path, tag: str, stream: str) -> None:
    command = COMMANDS[tag]
    body = {field.encode_name: meaning_of(command, field.name).example for field in fields(command)}
    with opened(Settings(db=f"sqlite:///{tmp_path / 'log.db'}")) as app:
        receipts = [app.execute(Request(stream="", command=parse_command(tag, body), actor="ann")) for _ in range(2)]
    assert [receipt.stream for receipt in receipts] == [stream, stream]
    assert [len(receipt.facts) for receipt in receipts] == [1, 0]


def test_a_figure_of_everybody_has_a_stream_of_its_own_and_a_team_must_be_named(tmp_path: Path) -> None:
    everybody = AdjustForecast(
        "", date(2026, 1, 1), date(2026, 3, 31), "commit", Money(Decimal(9), "EUR"), "seen", Money(Decimal(8), "EUR")
    )
    with opened(Settings(db=f"sqlite:///{tmp_path / 'log.db'}")) as app:
        assert app.execute(Request(stream="", command=everybody, actor="ann")).stream == "forecast-everybody"
        with pytest.raises(Malformed, match="stream: change-team is asked of a stream named team-…, not of ''"):
            app.execute(Request(stream="", command=ChangeTeam("North"), actor="ann"))
        with pytest.raises(Malformed, match="stream: open-customer is asked of a stream named customer-…, not of ''"):
            app.execute(Request(stream="", command=OpenCustomer(" "), actor="ann"))


def test_a_name_reads_as_it_is_typed() -> None:
    assert str(Name("opportunity", "win")) == "opportunity win"
