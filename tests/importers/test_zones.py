"""Bare dates of an export are days of the organisation, whose calendar is set before; instants stay what they are."""

from datetime import UTC, date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from domain.recorded import Request
from domain.reference.calendar import SetCalendar
from infra.application.app import App
from infra.importers.times import Calendar
from tests.importers.bringing import bring, told
from tests.offenders import every

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")


def calendar(app: App, zone: str) -> None:
    command = SetCalendar(zone)
    app.dispatcher().execute(Request(stream="calendar-organisation", command=command, actor="ann"))


def test_an_installation_has_the_zone_of_its_calendar(app: App) -> None:
    assert app.zone() is UTC
    calendar(app, "Europe/Berlin")
    assert app.zone() == BERLIN
    calendar(app, "America/New_York")
    assert app.zone() == NEW_YORK


MAVEN = (
    "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value\n"
    "A,ann,Plan,Acme,Won,2017-03-26,2017-10-29,100\n"
)


@pytest.mark.parametrize(
    ("zone", "engaged", "closed"),
    [
        (UTC, "2017-03-26 23:59:59", "2017-10-29 23:59:59"),
        (BERLIN, "2017-03-26 21:59:59", "2017-10-29 22:59:59"),  # 23 and 25 hours long
        (NEW_YORK, "2017-03-27 03:59:59", "2017-10-30 03:59:59"),
    ],
    ids=str,
)
def test_the_days_of_the_maven_folder_end_in_the_zone(
    small: App, tmp_path: Path, zone: ZoneInfo, engaged: str, closed: str
) -> None:
    (tmp_path / "sales_pipeline.csv").write_text(MAVEN)
    (tmp_path / "products.csv").write_text("product,sales_price\nPlan,90\n")
    assert bring(small, "maven", tmp_path, tmp_path / "rejects.csv", zone=zone).imported == 1
    facts = told(small, "opportunity-maven-A")
    assert (facts[0][0], facts[-1][0]) == (engaged, closed)


MAPPING = """
system = "desk"
kind = "deal"
form = "records"
{dates}
[process]
stream = "process-standard"
[columns]
id = "id"
stage = "stage"
amount = "amount"
currency = "currency"
opened_at = "opened"
close_date = "due"
"""
TABLE = "id,stage,amount,currency,opened,due\nA,discovery,5,EUR,{opened},2026-04-30\n"


@pytest.mark.parametrize(
    ("dates", "opened", "meant"),
    [
        ("", "2026-03-29", "2026-03-29 21:59:59"),
        ("", "2026-03-30 08:00:00", "2026-03-30 06:00:00"),
        ("", "2026-03-30 08:00:00+00:00", "2026-03-30 08:00:00"),
        ('[dates]\nzone = "UTC"', "2026-03-29", "2026-03-29 23:59:59"),
        ('[dates]\nzone = "America/New_York"', "2026-03-29", "2026-03-30 03:59:59"),
    ],
)
def test_a_table_is_read_in_the_zone_unless_its_mapping_names_one(
    small: App, tmp_path: Path, dates: str, opened: str, meant: str
) -> None:
    (tmp_path / "mapping.toml").write_text(MAPPING.format(dates=dates))
    (tmp_path / "deals.csv").write_text(TABLE.format(opened=opened))
    options = {"mapping": tmp_path / "mapping.toml", "zone": BERLIN, "snapshot": date(2026, 3, 31)}
    small.dispatcher()
    assert bring(small, "csv", tmp_path / "deals.csv", tmp_path / "rejects.csv", **options).imported == 1
    [(at, _, event)] = told(small, "opportunity-desk-A")
    assert (at, event.close_date) == (meant, date(2026, 4, 30))


@every("zone", [UTC, BERLIN, NEW_YORK], ids=str)
def test_a_day_in_a_column_is_the_day_that_is_written(zone: ZoneInfo) -> None:
    read = Calendar.of([], None, date(2026, 3, 31), zone)
    assert read.day({"due": "2026-03-29"}, "due") == date(2026, 3, 29)
    assert read.day({"due": "2026-03-29T00:00:00Z"}, "due") == date(2026, 3, 29)
    assert read.snapshot == date(2026, 3, 31)
    assert f"{read.instant({'at': '2026-03-29 12:00:00'}, 'at'):%H:%M}" == "12:00"  # exports write times in UTC
