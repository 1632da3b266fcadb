"""docs/reference/metrics.md says what the program says, and its examples come out: `make generate`."""

import re
from collections.abc import Iterator

import pytest

from infra.application.answers import definition
from projections import METRICS
from tests import metrics_page
from tests.offenders import every
from tests.worked_examples import EXPLANATIONS, Example

LONGEST = 61  # lines of a history that somebody can still follow by hand
CLAIM = re.compile(r"\*\*([^*]+)\*\*")
EXAMPLES = [
    pytest.param(name, example, id=f"{name}-{number}")
    for name, explanation in EXPLANATIONS.items()
    for number, example in enumerate(explanation.examples)
]


@pytest.fixture(scope="module")
def example_log() -> Iterator[None]:
    """The log that the examples are about."""
    with metrics_page.example_log():
        yield


def test_the_page_of_metrics_is_what_the_program_says():
    assert metrics_page.PAGE.read_text() == metrics_page.page(), "docs/reference/metrics.md: run `make generate`"


@every("name", METRICS)
def test_a_definition_names_its_unit_and_its_source(name: str):
    assert "Unit: " in definition(name)
    assert "Source: " in definition(name)


@every("name", METRICS)
def test_a_metric_is_explained_by_an_example(name: str):
    where = "add it to EXPLANATIONS in tests/worked_examples.py, then run `make generate`"
    assert name in EXPLANATIONS, f"{name}: docs/reference/metrics.md has no worked example of it; {where}"
    assert EXPLANATIONS[name].examples, f"{name}: its explanation has no example; {where}"


def test_what_is_explained_is_a_metric():
    assert not set(EXPLANATIONS) - set(METRICS), "tests/worked_examples.py explains what there is not"


@pytest.mark.usefixtures("example_log")
@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_the_arithmetic_of_an_example_comes_to_figures_of_the_answer(name: str, example: Example):
    (_, *rows), _ = metrics_page.answer(name, example)
    claims, cells = CLAIM.findall(example.arithmetic), {cell for row in rows for cell in row}
    assert claims, f"{name}: write in bold which figures of the answer the arithmetic comes to"
    assert set(claims) <= cells, f"{metrics_page.command(name, example)}: no cell says so"


def test_the_history_of_the_examples_is_short():
    assert len(metrics_page.HISTORY.read_text().splitlines()) <= LONGEST
