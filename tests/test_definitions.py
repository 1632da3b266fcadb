"""The definitions in docs/metrics.md are those the program gives: `make generate` writes them."""

from pathlib import Path

import pytest

from infra.application.answers import definition
from projections import METRICS

PAGE = Path(__file__).parents[1] / "docs" / "metrics.md"
HEAD = """# What every number means

`dealtrail metric NAME` answers each of these at any moment: as known at a position of the log (`--known-at`), as true
at a time (`--effective-at`), filtered and grouped (`--by`) by pipeline, owner, team, product, source, currency and
period, with every amount in one currency (`--convert-to`). `dealtrail explain NAME` lists the rows and events behind
each figure. This page is what `dealtrail metric --list` prints.
"""


def page() -> str:
    """The page, a section a metric."""
    sections = [HEAD]
    for name, metric in METRICS.items():
        modes = f"Modes: {', '.join(f'`{mode}`' for mode in metric.modes)}.\n\n" if metric.modes else ""
        sections.append(f"## `{name}`\n\n{modes}{definition(name).strip()}\n")
    return "\n".join(sections)


def test_the_page_of_definitions_is_what_the_program_says():
    assert PAGE.read_text() == page(), "docs/metrics.md: run `make generate`"


@pytest.mark.parametrize("name", METRICS)
def test_a_definition_names_its_unit_and_its_source(name: str):
    assert "Unit: " in definition(name)
    assert "Source: " in definition(name)
