"""Cells that can be read in two ways: points that may part thousands, times without marks, hours that never came."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from domain.errors import Malformed
from domain.money import Money
from infra.importers.cells import rounded
from infra.importers.mapping.cells import Numbers
from infra.importers.mapping.file import load
from infra.importers.times import Calendar, ClockChange, Forms
from tests.importers.bringing import EXAMPLES
from tests.offenders import every

BERLIN, BEIRUT, SAO_PAULO = map(ZoneInfo, ("Europe/Berlin", "Asia/Beirut", "America/Sao_Paulo"))
REFUSED = "refused"


def read(text: str, form: str = "", zone: ZoneInfo = BERLIN, change: ClockChange = "refuse") -> str:
    """A time as it is read, in UTC."""
    forms = Forms(form)
    forms.add("at", text)
    try:
        return f"{Calendar(forms, zone, zone, change).read('at', text):%Y-%m-%d %H:%M:%S}"
    except Malformed as error:
        assert str(error).startswith("at: ")
        return REFUSED


@every(
    ("text", "currency", "read"),
    [
        ("22.700", "EUR", "can be read as 22700 or 22.7: say numbers.decimal"),
        ("1.000", "EUR", "can be read as 1000 or 1: say numbers.decimal"),
        ("150.000", "JPY", "can be read as 150000 or 150: say numbers.decimal"),
        ("22.70", "EUR", "22.70"),
        ("0.500", "EUR", "0.500"),
        ("1000.500", "EUR", "1000.500"),
        ("22.700", "KWD", "22.700"),
    ],
)
def test_a_point_that_may_part_thousands_is_refused(text: str, currency: str, read: str) -> None:
    if read[0].isdigit():
        assert Numbers().read("Amount", text, currency) == Money(Decimal(read), currency)
        return
    with pytest.raises(Malformed, match=f"Amount: '{text}' {read}"):
        Numbers().read("Amount", text, currency)


@every("numbers", [Numbers(decimal="."), Numbers(thousands=","), Numbers(rounding="down")])
def test_a_point_stands_before_the_cents_where_the_mapping_says_so(numbers: Numbers) -> None:
    assert numbers.read("Amount", "22.700", "EUR") == Money(Decimal("22.7"), "EUR")


def test_what_parts_thousands_and_cents_alike_refuses_the_mapping(tmp_path: Path) -> None:
    mapping = (EXAMPLES / "changes.toml").read_text()
    (tmp_path / "rules.toml").write_text(mapping.replace('decimal = ","', "#"))
    with pytest.raises(Malformed, match=r"rules.toml: numbers.thousands: '.' stands before the cents as well: say"):
        load(tmp_path / "rules.toml")


def test_rounding_makes_no_negative_amount_nothing() -> None:
    assert rounded(Decimal("-0.004"), "EUR", "half-up") == Decimal("-0.004")


@every(
    ("text", "form", "found"),
    [
        ("202601051030", "", REFUSED),
        ("20260105103000", "", REFUSED),
        ("20261231235959", "", REFUSED),
        ("202601051030", "%Y%m%d%H%M", "2026-01-05 09:30:00"),
        ("20260105103000", "%Y%m%d%H%M%S", "2026-01-05 09:30:00"),
        ("1767571200000", "", "2026-01-05 00:00:00"),
        ("946684800000", "", "2000-01-01 00:00:00"),
        ("253402214400000", "", REFUSED),
    ],
)
def test_a_time_without_marks_is_no_count_of_milliseconds(text: str, form: str, found: str) -> None:
    assert read(text, form) == found


@every(
    ("text", "zone", "change", "found"),
    [
        ("2026-03-29 02:30", BERLIN, "refuse", REFUSED),
        ("2026-03-29 02:30", BERLIN, "first", "2026-03-29 01:30:00"),
        ("2026-03-29 02:30", BERLIN, "second", "2026-03-29 00:30:00"),
        ("2017-10-15 00:30", SAO_PAULO, "refuse", REFUSED),
        ("2017-10-15 00:00", SAO_PAULO, "refuse", "2017-10-15 03:00:00"),
        ("2017-10-15 00:00", SAO_PAULO, "second", "2017-10-15 03:00:00"),
        ("2026-03-29 00:00:00", BEIRUT, "refuse", "2026-03-28 22:00:00"),
        ("2025-10-26 02:30", BERLIN, "refuse", REFUSED),
    ],
)
def test_an_hour_that_never_came_is_read_as_one_says_and_midnight_as_its_day(
    text: str, zone: ZoneInfo, change: ClockChange, found: str
) -> None:
    assert read(text, zone=zone, change=change) == found


def test_a_midnight_that_never_came_is_due_on_its_day() -> None:
    forms = Forms()
    forms.add("due", "2017-10-15 00:00")
    assert Calendar(forms, SAO_PAULO, SAO_PAULO).day_of("due", "2017-10-15 00:00") == date(2017, 10, 15)


def test_a_refusal_of_an_hour_that_never_came_says_what_would_take_it() -> None:
    with pytest.raises(Malformed) as refusal:
        Calendar(Forms(), BERLIN, BERLIN).read("at", "2026-03-29 02:30")
    assert str(refusal.value) == (
        "at: '2026-03-29 02:30' is no time in Europe/Berlin: clocks were put forward past it; it can be read as"
        " 01:30Z or 00:30Z: say dates.clock_change"
    )
