"""History is read for ever: what was written once must decode to what it meant, whatever became of the code.

`golden/history.jsonl` is only ever added to: a new shape of an event is a new line below, never a change of an old one.
"""

import re
from collections import Counter
from decimal import Decimal
from typing import get_args

import msgspec

from domain import BY_KIND, COMMANDS, DECIDERS, Command, Event
from domain.correction import CorrectFact, FactCorrected
from domain.money import Money
from domain.opportunity.closing import OpportunityWon
from domain.personal import personal_fields
from domain.upcasting import UPCASTS
from infra.store.codec import decode, encode
from tests.domain.table import tag
from tests.golden import LINES, MEANINGS, NEWEST, PERSONAL, meaning, tag_of

EVENTS = get_args(Event)
GENERATE = "run `make generate`"


def test_every_line_ever_written_still_means_what_it_meant():
    """A field that came later may be there beside those that were written down."""
    changed = [
        f"line {number}, {was['type']}: {now}, not {was}"
        for number, (line, was) in enumerate(zip(LINES, MEANINGS, strict=False), 1)
        if not was.items() <= (now := meaning(line)).items()
    ]
    assert not changed
    assert len(MEANINGS) == len(LINES), f"tests/golden/meaning.jsonl lacks the newest lines: {GENERATE}"


def test_the_newest_line_of_each_event_is_what_is_written_today():
    written = {tag: encode(decode(tag, line)) for tag, line in NEWEST.items() if tag not in UPCASTS}
    changed = {tag: line for tag, line in written.items() if line != NEWEST[tag]}
    assert not changed, "tests/golden/history.jsonl: add what is written today as a new line, then " + GENERATE


def test_every_event_has_a_line_and_so_has_every_retired_one():
    known = {tag(event) for event in EVENTS} | set(UPCASTS)
    missing = sorted(known - set(NEWEST))
    assert not missing, f"tests/golden/history.jsonl: add a line for each of these, then {GENERATE}"
    assert set(NEWEST) <= known


def test_the_example_of_an_event_fills_every_field():
    wrong = {}
    for event in EVENTS:
        raw = msgspec.json.decode(NEWEST.get(tag(event), b'{"type": ""}'))
        empty = [name for name, value in raw.items() if value in (None, "", [], {})]
        if list(raw) != ["type", *event.__struct_encode_fields__] or empty:
            wrong[tag(event)] = f"fields {list(raw)}, empty {empty}"
    assert not wrong, "tests/golden/history.jsonl: the newest line of each has every field, none of them empty"


def test_a_win_from_before_it_was_said_by_what_right_was_for_all_that_is_known_without_any():
    first, *_ = [line for line in LINES if tag_of(line) == "opportunity-won"]
    assert decode("opportunity-won", first) == OpportunityWon(Money(Decimal("999999999999999.99"), "USD"), "Acme")
    assert encode(decode("opportunity-won", first)) != first  # what is written today says more


def test_a_process_from_before_one_could_be_named_qualifies_deals_by_its_first_stage():
    first, *_ = [line for line in LINES if tag_of(line) == "process-published"]
    assert decode("process-published", first).qualifying_stage == ""


def test_an_amount_keeps_the_digits_that_it_was_written_with():
    [line] = [line for line in LINES if tag_of(line) == "amount-changed"]
    assert str(decode("amount-changed", line).to.amount) == "0.500"


def test_no_two_events_or_commands_share_a_tag():
    tags = [tag(kind) for kind in (*EVENTS, *get_args(Command))]
    assert len(tags) == len(set(tags))
    assert not {*tags} & {*UPCASTS}, "a retired tag is never used again"


def test_a_tag_is_words_in_kebab_case():
    assert not [tag(k) for k in (*EVENTS, *get_args(Command)) if not re.fullmatch(r"[a-z]+(-[a-z]+)+", tag(k))]


def test_the_personal_fields_of_an_event_are_these():
    """A field that is personal and not sealed is a leak for ever; one that stops being personal stays sealed."""
    pinned = msgspec.json.decode(PERSONAL.read_bytes())
    assert {tag(event): list(personal_fields(event)) for event in EVENTS} == pinned, f"personal.json: {GENERATE}"


def test_an_event_is_frozen_tolerates_new_fields_and_leaves_none_out():
    configs = {tag(event): event.__struct_config__ for event in EVENTS}
    wrong = [name for name, c in configs.items() if not c.frozen or c.forbid_unknown_fields or c.omit_defaults]
    assert not wrong, "an event is frozen, ignores unknown fields and omits no defaults"


def test_a_command_is_frozen_and_refuses_fields_that_it_does_not_have():
    configs = {tag(command): command.__struct_config__ for command in get_args(Command)}
    wrong = [name for name, config in configs.items() if not config.frozen or not config.forbid_unknown_fields]
    assert not wrong, "a command is frozen and forbids unknown fields"


def test_every_event_and_command_belongs_to_one_decider_but_corrections_to_two():
    events = Counter(event for decider in DECIDERS for event in decider.events)
    commands = Counter(command for decider in DECIDERS for command in decider.commands)
    assert set(events) == set(EVENTS) and set(commands) == set(get_args(Command)) == set(COMMANDS.values())
    assert {kind: count for kind, count in (events | commands).items() if count > 1} == {
        FactCorrected: 2, CorrectFact: 2,  # of a lead, and of an opportunity
    }  # fmt: skip
    assert list(BY_KIND) == [decider.kind for decider in DECIDERS]
    assert len(BY_KIND) == len(DECIDERS), "no two kinds share a name"


def test_a_personal_field_of_a_command_is_a_personal_field_of_what_follows():
    """No text enters as personal and is stored in a field that is not."""
    named = {name for event in EVENTS for name in personal_fields(event)}
    assert {name for command in get_args(Command) for name in personal_fields(command)} <= named
