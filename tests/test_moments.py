"""Days and times as people write them, in the organisation's zone, also where clocks change."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.errors import Malformed
from infra.application.moments import day, day_end, day_start, moment
from tests.offenders import every

BERLIN, NEW_YORK, HAVANA, CAIRO = map(ZoneInfo, ("Europe/Berlin", "America/New_York", "America/Havana", "Africa/Cairo"))
TICK = timedelta(microseconds=1)


@every(
    ("zone", "of", "hours"),
    [
        (BERLIN, date(2026, 3, 28), 24),
        (BERLIN, date(2026, 3, 29), 23),
        (BERLIN, date(2026, 10, 25), 25),
        (NEW_YORK, date(2026, 3, 8), 23),
        (NEW_YORK, date(2026, 11, 1), 25),
        (HAVANA, date(2026, 3, 8), 23),  # clocks skip midnight
        (HAVANA, date(2026, 11, 1), 25),  # midnight comes twice
        (CAIRO, date(2026, 4, 24), 23),
        (UTC, date(2026, 3, 29), 24),
    ],
)
def test_a_day_is_as_long_as_its_zone_makes_it_and_the_next_begins_where_it_ends(zone, of, hours):
    assert day_end(of, zone) + TICK - day_start(of, zone) == timedelta(hours=hours)
    assert day_end(of, zone) + TICK == day_start(of + timedelta(days=1), zone)
    assert day_start(of, zone).astimezone(zone).date() == of == day_end(of, zone).astimezone(zone).date()


@every(
    ("text", "zone", "meant"),
    [
        ("2026-03-29", BERLIN, "2026-03-29T21:59:59.999999"),
        ("2026-03-28", BERLIN, "2026-03-28T22:59:59.999999"),
        ("2026-10-25", BERLIN, "2026-10-25T22:59:59.999999"),
        ("2026-10-24", BERLIN, "2026-10-24T21:59:59.999999"),
        ("2026-01-31", UTC, "2026-01-31T23:59:59.999999"),
        ("2026-01-31T09:30:00", BERLIN, "2026-01-31T08:30:00"),
        ("2026-07-31T09:30:00", BERLIN, "2026-07-31T07:30:00"),
        ("2026-10-25T02:30:00", BERLIN, "2026-10-25T00:30:00"),  # comes twice: the first
        ("2026-03-29T02:30:00", BERLIN, "2026-03-29T01:30:00"),  # never comes: an hour later on the clock
        ("2026-01-31T09:30:00Z", BERLIN, "2026-01-31T09:30:00"),
        ("2026-01-31T09:30:00-05:00", BERLIN, "2026-01-31T14:30:00"),
        ("2026-01-31T23:30:00", NEW_YORK, "2026-02-01T04:30:00"),
    ],
)
def test_a_text_means_an_instant_in_the_zone(text, zone, meant):
    assert moment("at", text, zone) == datetime.fromisoformat(meant).replace(tzinfo=UTC)
    assert moment("at", text, zone).tzinfo is UTC


@every("text", ["", "yesterday", "31.1.2026", "2026-02-30", "9999-12-31", "0001-01-01T00:00:00+14:00"])
def test_what_is_no_time_is_malformed(text):
    with pytest.raises(Malformed, match=r"^at: .* is not a date \(2026-01-31\) or a time"):
        moment("at", text, BERLIN)


def test_what_is_no_day_is_malformed():
    with pytest.raises(Malformed, match=r"^since: 'May' is not a date such as 2026-01-31$"):
        day("since", "May")


@every("zone", [UTC, BERLIN, NEW_YORK])
@every(
    "text",
    ["0001-01-01", "9999-12-31", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59", "9999-12-31T23:59:59-12:00"],
)
def test_a_time_at_the_calendars_ends_is_malformed(text, zone):
    with pytest.raises(Malformed, match=r"^field: .* is not a date"):
        moment("field", text, zone)
    if len(text) == 10:
        with pytest.raises(Malformed, match=r"^field: "):
            day("field", text)
