"""Figures as people read them: by the unit that stands on the field of the record."""

from decimal import Decimal
from inspect import get_annotations

import pytest
from msgspec import Struct

from infra.application.answers import text, texts
from projections import METRICS
from projections.query.units import Amount, Multiple, Share, units
from tests.offenders import every


def test_every_field_of_every_metric_has_a_unit():
    for name in METRICS:
        record = METRICS[name].record
        assert list(units(record)) == list(record.__struct_fields__) and get_annotations(record), name


@every(
    ("unit", "value", "currency", "read"),
    [
        ("share", 0.25, "", "25.0%"),
        ("multiple", 2.25, "", "2.2x"),
        ("amount", Decimal("1000.125"), "KWD", "1,000.125"),
        ("amount", Decimal(150000), "JPY", "150,000"),
        ("amount", Decimal("1054"), "USD", "1,054.00"),
        ("days", 2.25, "", "2.2"),
        ("days", 1200, "", "1,200"),
        ("count", 1200, "", "1,200"),
        ("text", "demo", "", "demo"),
        ("amount", None, "EUR", "-"),
    ],
)
def test_a_figure_is_read_by_its_unit(unit: str, value: object, currency: str, read: str):
    assert text(unit, value, currency) == read


class Ratio(Struct):
    currency: str
    quota: Amount | None
    by_count: Share
    velocity: Multiple


def test_no_unit_is_guessed_from_a_name():
    assert texts(Ratio("JPY", Decimal(5), 2.25, 0.5)) == ["JPY", "5", "225.0%", "0.5x"]


def test_a_number_that_is_no_count_says_its_unit():
    class Unsaid(Struct):
        mean: float

    with pytest.raises(TypeError, match="says its unit"):
        units(Unsaid)
