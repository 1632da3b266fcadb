"""Writes anew what is made from the code, and adds what new code lacks: `make generate`.

Nothing that is there is changed where it is the record of something: a release, a line of `tests/golden`.
"""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from domain import DECIDERS, Decider
from domain.correction import LED_BY
from infra.cli.main import run
from infra.cli.records import KEPT, options_of
from projections.records import KINDS
from tests import golden, metrics_page, reference_pages
from tests.domain.table import tag

EVENTS = metrics_page.DOCS / "reference" / "events.md"
SECTION = re.compile(r"^## \w+: `(\w+)-…`\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
LAST_ROW = re.compile(r"(?:^\|.*\n)+", re.MULTILINE)


def tags_in(section: str, column: int) -> set[str]:
    """The tags in a column of a section's table, from 1."""
    rows = [line.split("|") for line in section.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([a-z-]+)`", row[column])}


def complete(page: str) -> str:
    """The page of the vocabulary with a row for each command and event that its tables lack."""
    by_kind = {decider.kind: decider for decider in DECIDERS}
    return SECTION.sub(lambda section: completed(section[0], by_kind[section[1]]), page)


def completed(section: str, decider: Decider) -> str:
    """A section with the rows that it lacks, at the end of its table."""
    led_by = dict(zip(decider.events, decider.commands, strict=False)) | LED_BY
    lacking = [event for event in decider.events if tag(event) not in tags_in(section, 2)]
    table = LAST_ROW.search(section)
    assert table is not None, f"docs/reference/events.md: the section of {decider.kind} has no table"
    rows = "".join(
        f"| `{tag(led_by[event])}` | `{tag(event)}` | {' | '.join(ways(decider, event))} |\n" for event in lacking
    )
    return section[: table.end()] + rows + section[table.end() :]


def ways(decider: Decider, event: type[Any]) -> tuple[str, str]:
    """In which statuses an event can happen, and to which it leads, by its example and those of the others."""
    example = golden.example(event)
    states = [state for state in reachable(decider) if decider.possible(state, example)]
    ends = [decider.evolve(state, example) for state in states]
    same = all(type(end) is type(state) for end, state in zip(ends, states, strict=True))
    return names(states), "the same" if same else names(ends)


def names(states: Iterable[Any]) -> str:
    """Statuses in words."""
    return ", ".join(dict.fromkeys("nothing" if each is None else type(each).__name__.lower() for each in states))


def reachable(decider: Decider) -> list[Any]:
    """A state of each status that the examples of a decider's events lead to."""
    states: dict[type[Any], Any] = {type(None): None}
    examples = [golden.example(event) for event in decider.events]
    for _ in examples:
        for state in [*states.values()]:
            for event in examples:
                if decider.possible(state, event):
                    after = decider.evolve(state, event)
                    states.setdefault(type(after), after)
    return [*states.values()]


def kept_options() -> bytes:
    """The options of the lists, for a terminal that has no time to load what they are made of."""
    options = {kind.name: list(options_of(kind)) for kind in KINDS.values()}
    return msgspec.json.format(msgspec.json.encode(options), indent=1) + b"\n"


if __name__ == "__main__":
    KEPT.write_bytes(kept_options())
    golden.add_missing()
    EVENTS.write_text(complete(EVENTS.read_text()))
    metrics_page.PAGE.write_text(metrics_page.page())
    reference_pages.COMMANDS.write_text(reference_pages.commands_page())
    reference_pages.SETTINGS.write_text(reference_pages.settings_page())
    raise SystemExit(run(["schemas", "--out", str(metrics_page.DOCS / "schemas")]))
