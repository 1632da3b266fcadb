"""Dates at the calendar's ends, where a day in one zone is none in another: such a row is refused alone."""

from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from consumers.lead_intake import sent_at
from domain.errors import Malformed
from infra.application.app import App
from infra.importers import pipedrive
from infra.importers.cells import Calendar, number
from infra.importers.mapping.cells import DateForms, Moments
from infra.importers.spool import Spool
from tests.importers.bringing import bring, reasons

ENDS = ("0001-01-01", "9999-12-31")
ZONES = [UTC, ZoneInfo("Pacific/Kiritimati"), ZoneInfo("America/Los_Angeles")]
READERS: dict[str, Callable[[str, tzinfo], Any]] = {
    "salesforce and hubspot, an instant": lambda text, zone: calendar(zone).instant({"due": text}, "due"),
    "salesforce and hubspot, a closing": lambda text, zone: calendar(zone).closing({"due": text}, "due"),
    "salesforce and hubspot, a day": lambda text, zone: calendar(zone).day({"due": text}, "due"),
    "a mapping": lambda text, zone: Moments("", zone, "first").read("due", text),
    "pipedrive": lambda text, zone: pipedrive.moment("due", text, zone),
}
MAVEN = "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value\n"
MAPPING = """
system = "desk"
kind = "deal"
form = "records"
[process]
stream = "process-standard"
[columns]
id = "id"
stage = "stage"
amount = "amount"
currency = "currency"
opened_at = "opened"
"""


def calendar(zone: tzinfo) -> Calendar:
    return Calendar.of([], None, date(2026, 3, 31), zone)


@pytest.mark.parametrize("clock", ["", "T00:00:00", "T23:59:59+00:00"])
@pytest.mark.parametrize("day", ENDS)
@pytest.mark.parametrize("zone", ZONES, ids=str)
@pytest.mark.parametrize("reader", READERS)
def test_a_date_at_an_end_is_malformed_and_names_its_column(reader: str, zone: tzinfo, day: str, clock: str):
    with pytest.raises(Malformed, match=r"^due: '[^']+' is not a (time|date)\b.* of the years 2 to 9998"):
        READERS[reader](day + clock, zone)


def test_the_last_usable_day_is_taken():
    assert calendar(UTC).day({"due": "9998-12-31"}, "due") == date(9998, 12, 31)
    assert Moments("", ZONES[1], "first").read("due", "0002-01-02").year == 2


def test_one_such_row_of_a_maven_folder_is_refused_alone(small: App, tmp_path: Path):
    rows = [
        f"{name},Ann,GTXPro,Isdom,Won,{day},2017-01-09,1"
        for name, day in zip("ABCD", ("2017-01-02", *ENDS, "2017-01-03"), strict=True)
    ]
    (tmp_path / "sales_pipeline.csv").write_text(MAVEN + "\n".join(rows) + "\n")
    (tmp_path / "products.csv").write_text("product,series,sales_price\nGTX Pro,GTX,4821\n")
    summary = bring(small, "maven", tmp_path, tmp_path / "rejects.csv")
    assert (summary.imported, [line for line, *_ in reasons(tmp_path / "rejects.csv")]) == (2, ["3", "4"])
    assert all(reason.startswith("engage_date: ") for *_, reason in reasons(tmp_path / "rejects.csv"))


def test_one_such_row_of_a_mapped_table_is_refused_alone(small: App, tmp_path: Path):
    (tmp_path / "mapping.toml").write_text(MAPPING)
    rows = [
        f"{name},discovery,5,EUR,{day}" for name, day in zip("ABCD", ("2026-03-02", *ENDS, "2026-03-03"), strict=True)
    ]
    (tmp_path / "deals.csv").write_text("id,stage,amount,currency,opened\n" + "\n".join(rows) + "\n")
    small.dispatcher()
    options = {"mapping": tmp_path / "mapping.toml", "zone": ZONES[2]}
    summary = bring(small, "csv", tmp_path / "deals.csv", tmp_path / "rejects.csv", **options)
    assert (summary.imported, [line for line, *_ in reasons(tmp_path / "rejects.csv")]) == (2, ["3", "4"])
    assert all(reason.startswith("opened: ") for *_, reason in reasons(tmp_path / "rejects.csv"))


def test_the_day_of_an_export_is_the_latest_usable_one():
    forms = DateForms()
    for text in ("2026-03-02", *ENDS):
        forms.add(text)
    assert (forms.detected(), forms.latest("")) == ("", date(2026, 3, 2))


def test_the_time_of_an_incoming_lead_is_named():
    class Message:
        headers = (("ce_time", b"9999-12-31T23:59:59-12:00"),)

    with pytest.raises(Malformed, match=r"^ce_time: "):
        sent_at(Message())  # type: ignore[arg-type]
    assert datetime(2026, 1, 1, tzinfo=UTC).year == 2026


@pytest.mark.parametrize("text", ["NaN", "inf", "-Infinity", "1e999999999", "1e-999999999", "five"])
def test_what_is_no_plain_number_is_malformed_and_names_its_column(text: str):
    with pytest.raises(Malformed, match=r"^probability: .* is not a number$"):
        number("probability", text)


def test_an_encoding_that_there_is_not_is_named(tmp_path: Path):
    (tmp_path / "deals.csv").write_text("id\nA\n")
    with pytest.raises(Malformed, match=r"^encoding: unknown encoding: latin-99$"):
        list(Spool().fill(tmp_path / "deals.csv", ["id"], "id", ",", "latin-99"))
