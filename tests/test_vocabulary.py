"""The vocabulary as it is told in docs/events.md is the one there is: nothing left out, nothing made up."""

import re
from pathlib import Path

import pytest

from domain import BY_KIND, COMMANDS, DECIDERS, Event
from tests.domain.table import tag

TEXT = (Path(__file__).parents[1] / "docs" / "events.md").read_text()
SECTIONS = dict(re.findall(r"^## \w+: `(\w+)-…`\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))


def told(kind: str, column: int) -> set[str]:
    """The tags in a column of a section's table, from 1."""
    rows = [line.split("|") for line in SECTIONS[kind].splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([a-z-]+)`", row[column])}


def test_every_kind_of_stream_has_a_section():
    assert set(SECTIONS) == set(BY_KIND)


@pytest.mark.parametrize("decider", DECIDERS, ids=lambda decider: decider.kind)
def test_a_section_names_the_commands_and_the_facts_of_its_streams_and_no_others(decider):
    assert told(decider.kind, 1) == {tag(command) for command in decider.commands}
    assert told(decider.kind, 2) == {tag(event) for event in decider.events}


def test_every_tag_is_told():
    everywhere = {name for kind in SECTIONS for column in (1, 2) for name in told(kind, column)}
    assert everywhere == {*COMMANDS, *(tag(event) for event in Event.__args__)}
