"""Nouns and verbs are derived from the commands of the domain, one for each, and lead back to them."""

from domain import COMMANDS, DECIDERS, KINDS
from infra.application.names import COMMANDS_OF, PLURALS, SINGULARS, Name, name_of, names_of, tag_of


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
    assert {SINGULARS[several]: several for several in SINGULARS} == PLURALS
    assert len(SINGULARS) == len(DECIDERS)


def test_a_name_reads_as_it_is_typed() -> None:
    assert str(Name("opportunity", "win")) == "opportunity win"
