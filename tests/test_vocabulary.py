"""The vocabulary as docs/reference/events.md has it is the one there is: nothing missing, nothing made up."""

from domain import BY_KIND, COMMANDS, DECIDERS, Event
from tests.domain.table import tag
from tests.generate import EVENTS, SECTION, complete, tags_in

PAGE = EVENTS.read_text()
SECTIONS = {section[1]: section[0] for section in SECTION.finditer(PAGE)}


def test_every_kind_of_stream_has_a_section():
    assert set(SECTIONS) == set(BY_KIND)


def test_the_tables_lack_no_command_and_no_fact():
    assert complete(PAGE) == PAGE, "docs/reference/events.md: run `make generate`"


def test_a_section_names_the_commands_and_the_facts_of_its_streams_and_no_others():
    for decider in DECIDERS:
        assert tags_in(SECTIONS[decider.kind], 1) == {tag(command) for command in decider.commands}, decider.kind
        assert tags_in(SECTIONS[decider.kind], 2) == {tag(event) for event in decider.events}, decider.kind


def test_every_tag_is_there():
    everywhere = {name for section in SECTIONS.values() for column in (1, 2) for name in tags_in(section, column)}
    assert everywhere == {*COMMANDS, *(tag(event) for event in Event.__args__)}
