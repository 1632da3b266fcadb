"""Dates at the calendar's ends, where a day in one zone is none in another: such a row is refused alone."""

from collections.abc import Callable
from datetime import UTC, date, tzinfo
from itertools import product
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from consumers.lead_intake import request_of
from domain.errors import Malformed
from infra.application.app import App
from infra.application.requests import parse
from infra.importers.cells import number
from infra.importers.mapping.file import load
from infra.importers.tables import Table
from infra.importers.times import ISO, Calendar, Forms
from infra.kafka.envelope import Message
from tests.importers.bringing import bring, reasons
from tests.offenders import every

ENDS = ("0001-01-01", "9999-12-31")
ZONES = [UTC, ZoneInfo("Pacific/Kiritimati"), ZoneInfo("America/Los_Angeles")]
READERS: dict[str, Callable[[str, tzinfo], Any]] = {
    "salesforce and hubspot, an instant": lambda text, zone: calendar(zone).instant({"due": text}, "due"),
    "salesforce and hubspot, a closing": lambda text, zone: calendar(zone).closing({"due": text}, "due"),
    "salesforce and hubspot, a day": lambda text, zone: calendar(zone).day({"due": text}, "due"),
    "a mapping": lambda text, zone: Calendar(Forms(), zone, zone, "first").read("due", text),
    "pipedrive": lambda text, zone: Calendar(Forms(ISO), zone=zone).read("due", text),
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


INSTANTS = ("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00")


def table(header: str, *columns: str) -> str:
    """A table of the rows a, b and c; BAD stands for the bad cell of b, and the text after it for the others'."""
    rows = [[name, *(cell.split("|")[-1 if name != "b" else 0] for cell in columns)] for name in "abc"]
    return header + "\n" + "".join(",".join(row) + "\n" for row in rows)


DAY = "2024-01-02T08:00:00"
PIPEDRIVE = {
    "stages.csv": "stage_id,stage_name\n1,First\n",
    "users.csv": "id,name\n9,Bob\n",
    "deal_changes.csv": table("deal_id,change_time,changed_field_key,new_value", f"BAD|{DAY}", "add_time", DAY)
    + "".join(f"{name},2024-01-03T08:00:00,stage_id,1\n" for name in "abc"),
}
SALESFORCE = "id,created_date,close_date,stage_name,is_closed,is_won,amount"
HUBSPOT = {
    "deal_pipeline.csv": "pipeline_id,label,display_order\ndefault,Sales,0\n",
    "deal_pipeline_stage.csv": "stage_id,pipeline_id,label,probability,display_order,closed_won\n"
    "new,default,New,0.1,0,FALSE\n",
}
DEAL = "deal_id,property_createdate,property_closedate,deal_pipeline_stage_id,deal_pipeline_id,owner_id,property_amount"
LEADS = """
system = "desk"
kind = "lead"
[columns]
id = "id"
source = "source"
captured_at = "captured"
"""
CHANGES = MAPPING.replace("records", "changes").replace('opened_at = "opened"', 'at = "opened"')
SNAPSHOT: dict[str, Any] = {"snapshot": date(2024, 3, 1)}
CASES: dict[str, tuple[str, str, dict[str, str], dict[str, Any]]] = {
    "pipedrive": ("pipedrive", "change_time", PIPEDRIVE, {}),
    "salesforce, opened": (
        "salesforce", "created_date",
        {"opportunity.csv": table(SALESFORCE, f"BAD|{DAY}", DAY, "New", "false", "false", "5")}, SNAPSHOT,
    ),
    "salesforce, to close": (
        "salesforce", "close_date",
        {"opportunity.csv": table(SALESFORCE, DAY, f"BAD|{DAY}", "New", "false", "false", "5")}, SNAPSHOT,
    ),
    "hubspot, opened": (
        "hubspot", "property_createdate",
        HUBSPOT | {"deal.csv": table(DEAL, f"BAD|{DAY}", DAY, "new", "default", "", "5")}, SNAPSHOT,
    ),
    "hubspot, to close": (
        "hubspot", "closedate",
        HUBSPOT | {"deal.csv": table(DEAL, DAY, f"BAD|{DAY}", "new", "default", "", "5")}, SNAPSHOT,
    ),
    "leads": (
        "csv", "captured", {"mapping.toml": LEADS, "table.csv": table("id,captured,source", f"BAD|{DAY}", "web")}, {},
    ),
    "changes": (
        "csv", "opened",
        {
            "mapping.toml": CHANGES,
            "table.csv": table("id,opened,stage,amount,currency", f"BAD|{DAY}", "discovery", "5", "EUR"),
        },
        {},
    ),
}  # fmt: skip


def calendar(zone: tzinfo) -> Calendar:
    return Calendar.of([], None, date(2026, 3, 31), zone)


@every("clock", ["", "T00:00:00", "T23:59:59+00:00"])
@every("day", ENDS)
@every("zone", ZONES, ids=str)
@every("reader", READERS)
def test_a_date_at_an_end_is_malformed_and_names_its_column(reader: str, zone: tzinfo, day: str, clock: str):
    with pytest.raises(Malformed, match=r"^due: '[^']+' is not a (time|date)\b.* of the years 2 to 9998"):
        READERS[reader](day + clock, zone)


def test_the_last_usable_day_is_taken():
    assert calendar(UTC).day({"due": "9998-12-31"}, "due") == date(9998, 12, 31)
    assert Calendar(Forms(), ZONES[1], ZONES[1], "first").read("due", "0002-01-02").year == 2


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
    forms = Forms()
    for text in ("2026-03-02", *ENDS):
        forms.add("at", text)
    read = Calendar(forms)
    read.set_latest(None, [at for text in ("2026-03-02", *ENDS) if (at := read.known("at", text))])
    assert (forms.of("at"), read.snapshot) == (ISO, date(2026, 3, 2))


@pytest.mark.parametrize("bad", INSTANTS)
@pytest.mark.parametrize("case", CASES)
def test_one_such_row_is_refused_alone_in_every_format(small: App, tmp_path: Path, case: str, bad: str):
    format_, column, tables, options = CASES[case]
    for name, text in tables.items():
        (tmp_path / name).write_text(text.replace("BAD", bad))
    small.dispatcher()
    if format_ == "csv":
        options = options | {"mapping": tmp_path / "mapping.toml"}
    path = tmp_path / "table.csv" if format_ == "csv" else tmp_path
    bring(small, format_, path, tmp_path / "rejects.csv", zone=ZONES[1], **options)
    [(_, name, reason)] = reasons(tmp_path / "rejects.csv")
    assert (name, reason.startswith(f"{column}: ")) == ("b", True), reason
    streams = {fact.stream for fact in small.log.page(0, 100)}
    assert {stream[-1] for stream in streams if stream.startswith(("lead-", "opportunity-"))} == {"a", "c"}


def test_what_a_zone_shifts_past_the_ends_is_refused_alone(small: App, tmp_path: Path):
    _, _, tables, _ = CASES["changes"]
    for name, text in tables.items():
        (tmp_path / name).write_text(text.replace("BAD", "0002-01-01T00:00:00+14:00"))
    small.dispatcher()
    options = {"mapping": tmp_path / "mapping.toml"}
    summary = bring(small, "csv", tmp_path / "table.csv", tmp_path / "rejects.csv", **options)
    assert [(name, reason) for _, name, reason in reasons(tmp_path / "rejects.csv")] == [
        ("b", "occurred_at: 0001-12-31T10:00:00+00:00 is before the year 2 in UTC")
    ]
    assert (summary.imported, summary.rejected) == (2, 1)


def test_a_version_without_end_is_refused_with_its_rows_alone(small: App, tmp_path: Path):
    rows = [("a", "1"), ("b", "1"), ("b", "9" * 5_000), ("c", "1")]
    (tmp_path / "mapping.toml").write_text(MAPPING + 'version = "version"\n')
    (tmp_path / "deals.csv").write_text(
        "id,stage,amount,currency,opened,version\n"
        + "".join(f"{name},discovery,5,EUR,2026-03-02,{version}\n" for name, version in rows)
    )
    small.dispatcher()
    options = {"mapping": tmp_path / "mapping.toml"}
    summary = bring(small, "csv", tmp_path / "deals.csv", tmp_path / "rejects.csv", **options)
    [(_, name, reason)] = reasons(tmp_path / "rejects.csv")
    assert (name, reason) == ("b", f"version: {'9' * 40!r} is not a number")
    assert (summary.imported, summary.rejected) == (2, 2)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("[dates]\nsnapshot = 9999-12-31", "dates.snapshot: "),
        ("[dates]\nsnapshot = 0001-01-01", "dates.snapshot: "),
        ('[table]\ndelimiter = ""', "table.delimiter: "),
        ('[table]\ndelimiter = "||"', "table.delimiter: "),
        ("[table]\nwidth = 1e999999999999999999999", "a number in it has an exponent beyond all bounds"),
        (f"[table]\nwidth = {'9' * 5_000}", "Exceeds the limit"),
    ],
)
def test_a_mapping_beyond_all_bounds_is_malformed_by_its_name(tmp_path: Path, lines: str, reason: str):
    (tmp_path / "mapping.toml").write_text(MAPPING + lines)
    with pytest.raises(Malformed) as refusal:
        load(tmp_path / "mapping.toml")
    assert str(refusal.value).startswith(f"mapping.toml: {reason}")


@every(("field", "when"), [*product(("captured_at", "ce_time"), INSTANTS)])
def test_the_time_of_an_incoming_lead_is_named(field: str, when: str):
    lead = {"source": "web"} | ({field: when} if field == "captured_at" else {})
    headers = [(field, when.encode())] if field == "ce_time" else []
    message = Message("intake", 0, 1, None, msgspec.json.encode(lead), headers)
    with pytest.raises(Malformed, match=rf"^{field}: .* is not of the years 2 to 9998$"):
        request_of(message, parse)


@every("text", ["NaN", "inf", "-Infinity", "1e999999999", "1e-999999999", "five"])
def test_what_is_no_plain_number_is_malformed_and_names_its_column(text: str):
    with pytest.raises(Malformed, match=r"^probability: .* is not a number$"):
        number("probability", text)


def test_an_encoding_that_the_file_is_not_in_is_malformed(tmp_path: Path):
    (tmp_path / "deals.csv").write_text("id\nA\n")
    with pytest.raises(Malformed, match=r"^deals.csv: cannot be read as utf-16: UTF-16 stream does not start with BOM"):
        list(Table(tmp_path / "deals.csv", ["id"], ",", "utf-16").rows())
