"""Tables of any other system come in as a mapping file says: current records and changes, deals and leads."""

import re
import sqlite3
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from domain.errors import Malformed, NotFound
from domain.lead import Converted
from domain.money import Money
from domain.opportunity import Won
from domain.opportunity.closing import LoseOpportunity
from domain.recorded import Request
from infra.application.app import App, opened
from infra.application.digests import content_digest
from infra.importers.mapping import file as mapping_file
from infra.importers.spool import Spool
from infra.importers.tables import Table
from infra.settings import Settings
from tests.importers.bringing import EXAMPLES, bring, reasons, tags, told

SHIPPED = ("process-standard", "framework-bant")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[App]:
    with opened(Settings(db=f"sqlite:///{tmp_path / 'small.db'}", key_file=str(tmp_path / "key"))) as app:
        yield app


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_the_maven_table_with_us_dates_says_by_a_mapping_what_the_maven_folder_says(
    both_forms: tuple[Path, Path], tmp_path: Path
) -> None:
    digests = set[tuple[int, str]]()
    mapped = {"mapping": EXAMPLES / "maven-usdates.toml"}
    for format_, path, options in (("maven", both_forms[0], {}), ("csv", both_forms[1], mapped)):
        with opened(Settings(db=f"sqlite:///{tmp_path / format_}.db")) as app:
            assert bring(app, format_, path, tmp_path / "rejects.csv", **options).rejected == 0
            digests.add(content_digest(app.log, app.vault, app.log.head(), lambda stream: stream not in SHIPPED))
            if options:
                assert bring(app, format_, path, tmp_path / "rejects.csv", **options).facts == 0
    assert len(digests) == 1


def test_without_a_date_format_the_maven_table_is_refused_with_both_readings(
    small: App, both_forms: tuple[Path, Path], tmp_path: Path
) -> None:
    text = (EXAMPLES / "maven-usdates.toml").read_text()
    undated = written(tmp_path / "undated.toml", re.sub(r"(?m)^format = .*$", "", text))
    with pytest.raises(Malformed, match=r"2017-03-01 \(M/D/YYYY\) or 2017-01-03 \(D/M/YYYY\): say which"):
        bring(small, "csv", both_forms[1], tmp_path / "rejects.csv", mapping=undated)


ROWS = (
    "3,A-7,2026-02-10 16:30:00,Phase,Offer made",
    "5,A-7,2026-03-01 12:00:00,Phase,Signed",
    '4,A-7,2026-02-11 08:00:00,Value,"€22.700,00"',
    "1,A-7,2026-01-05 09:00:00,Created,",
    "2,A-7,2026-01-05 09:00:00,Owner,A. Miller",
    "1,B-8,2025-10-26 02:30:00,Created,",
    "2,B-8,2025-11-01 09:00:00,Phase,Abandoned",
    "3,B-8,2025-11-02 09:00:00,Phase,Qualified",
    "4,B-8,2025-11-03 09:00:00,Expected by,2026-01-31 00:00:00",
)
CHANGES = "number,deal,when,what,to\n"


def changes(path: Path, *rows: str) -> Path:
    return written(path, CHANGES + "".join(row + "\n" for row in rows))


def test_a_file_of_changes_in_any_order_becomes_the_story_of_each_deal(app: App, tmp_path: Path) -> None:
    rules = {"mapping": EXAMPLES / "changes.toml"}
    file = changes(tmp_path / "changes.csv", *ROWS)
    summary = bring(app, "csv", file, tmp_path / "rejects.csv", **rules)
    assert (summary.rows, summary.imported, summary.rejected) == (9, 9, 0)
    found = told(app, "opportunity-example-A-7")
    assert [(at, tag) for at, tag, _ in found] == [
        ("2026-01-05 08:00:00", "opportunity-opened"),
        ("2026-02-11 07:00:00", "amount-changed"),
        ("2026-03-01 11:00:00", "opportunity-won"),
    ]
    opening, won = found[0][2], found[-1][2]
    assert (opening.owner, opening.stage) == ("Ann Miller", "proposal")
    assert won.amount == Money(Decimal("22700.00"), "EUR")
    assert told(app, "opportunity-example-B-8")[0][0] == "2025-10-26 00:30:00", "the first of the two half past twos"
    assert tags(app, "opportunity-example-B-8") == [
        "opportunity-opened", "opportunity-lost", "opportunity-reopened", "close-date-changed",
    ]  # fmt: skip
    before = app.log.head()
    assert bring(app, "csv", file, tmp_path / "rejects.csv", **rules).facts == 0
    more = changes(tmp_path / "more.csv", *ROWS, "5,B-8,2025-12-01 09:00:00,Owner,Bob")
    assert bring(app, "csv", more, tmp_path / "rejects.csv", **rules).facts == 1
    assert [fact.tag for fact in app.log.page(before, 10)] == ["owner-changed"]


def test_what_only_an_opening_says_is_told_by_a_field_as_by_a_column(small: App, tmp_path: Path) -> None:
    text = (EXAMPLES / "changes.toml").read_text()
    rules = written(tmp_path / "rules.toml", text.replace("[fields]", '[fields]\nFrom = "source"\nPlan = "product"'))
    also = "6,A-7,2026-01-05 09:00:00,From,fair", "7,A-7,2026-01-05 09:00:00,Plan,Gold"
    file = changes(tmp_path / "changes.csv", *ROWS[:5], *also)
    assert bring(small, "csv", file, tmp_path / "rejects.csv", mapping=rules).rejected == 0
    opening = told(small, "opportunity-example-A-7")[0][2]
    assert (opening.source, opening.product) == ("fair", "Gold")


def test_changes_that_cannot_come_in_are_listed_and_collisions_named(small: App, tmp_path: Path) -> None:
    file = changes(
        tmp_path / "changes.csv",
        "1,A,2026-01-05 09:00:00,Created,",
        "1,A,2026-01-06 09:00:00,Owner,Bob",
        "1,B,2026-01-05 09:00:00,Created,",
        "2,B,2026-01-05 09:00:00,Value,22.70",
        "1,C,2026-01-05 09:00:00,Created,",
        "2,C,2026-01-06 09:00:00,Created,",
        "1,D,2026-01-05 09:00:00,Colour,red",
        "1,E,2026-03-29 02:30:00,Created,",
        "1,F,2026-01-05 09:00:00,Created,",
    )
    summary = bring(small, "csv", file, tmp_path / "rejects.csv", mapping=EXAMPLES / "changes.toml")
    assert (summary.imported, summary.rejected) == (2, 7)
    found = {name: reason for _, name, reason in reasons(tmp_path / "rejects.csv")}
    assert found["A"] == "number: rows of A share a version (lines 2 and 3); which counts?"
    assert found["B"] == "to: '22.70' is not an amount such as 22.700,00"
    assert found["C"] == "deal: 2 deals share the id (lines 6 and 7)"
    assert found["D"] == "line 8: what: 'Colour' is not in [fields]"
    assert told(small, "opportunity-example-E")[0][0] == "2026-03-29 01:30:00", "by the clock before the change"


LEADS = "Lead ID;Created;Contact;Email;Phone;Company;Source;Owner;Status;Last contact;Changed;Lost because;Deal\n"


def leads(path: Path, *rows: str) -> Path:
    return written(path, LEADS + "".join(row + "\n" for row in rows))


def test_current_leads_come_in_with_their_people_sealed_and_a_newer_export_adds_what_changed(
    app: App, tmp_path: Path
) -> None:
    rules = {"mapping": EXAMPLES / "leads.toml"}
    old = leads(
        tmp_path / "old.csv",
        "L-1;03/30/2026;Ann Example;ann@example.com;Select;Example Ltd;Fair;Bob;Converted;;04/20/2026;;D-9",
        "L-2;03/31/2026;Cy Sample;cy@example.com;+1 555;Sample;Website;Bob;Open;;;;",
        "L-3;04/01/2026;Di Test;di@example.com;;Test;;Bob;Junk;04/02/2026;04/03/2026;No budget;",
        "L-4;04/01/2026;Ed Test;none;;Test;;Bob;Open;;;;",
    )
    summary = bring(app, "csv", old, tmp_path / "rejects.csv", **rules)
    assert (summary.imported, summary.rejected) == (3, 1)
    assert reasons(tmp_path / "rejects.csv") == [("5", "L-4", "email: an address has an @")]
    assert tags(app, "lead-example-L-1") == ["lead-captured", "lead-qualified", "lead-converted"]
    assert tags(app, "opportunity-example-D-9") == ["opportunity-opened"]
    assert isinstance(app.dispatcher().history("lead-example-L-1").state, Converted)
    at, _, captured = told(app, "lead-example-L-2")[0]
    assert (at, captured.name, captured.phone, captured.source) == (
        "2026-04-01 03:59:59",
        "Cy Sample",
        "+1 555",
        "Website",
    )
    stored = [fact.event for fact in app.log.histories(["lead-example-L-2"])["lead-example-L-2"]]
    assert all("Cy Sample" not in str(event) and "+1 555" not in str(event) for event in stored)
    assert tags(app, "lead-example-L-3") == ["lead-captured", "lead-contacted", "lead-disqualified"]
    before = app.log.head()
    assert bring(app, "csv", old, tmp_path / "rejects.csv", **rules).facts == 0
    new = leads(
        tmp_path / "new.csv",
        "L-2;03/31/2026;Cy Sample;cy@new.example;+1 555;Sample;Website;Eve;Qualified;;05/01/2026;;",
    )
    assert bring(app, "csv", new, tmp_path / "rejects.csv", **rules).imported == 1
    assert [fact.tag for fact in app.log.page(before, 9)] == ["lead-enriched", "lead-assigned", "lead-qualified"]


RECORDS = """
system = "shop"
columns = { id = "id", stage = "stage", amount = "worth", opened_at = "begun", closed_at = "ended", close_date = "due" }
placeholders = ["Select"]
numbers = { thousands = ",", signs = { "$" = "USD" } }
dates = { snapshot = 2026-06-30 }
process = { stream = "process-standard" }
stages = { Offer = "proposal", Talks = "discovery", Sold = { to = "won", through = "negotiation" }, Gone = "lost" }
"""


def records(path: Path, *rows: str) -> Path:
    return written(path, "id,stage,worth,begun,ended,due,rev\n" + "".join(row + "\n" for row in rows))


def test_a_newer_export_of_current_records_appends_only_what_changed(app: App, tmp_path: Path) -> None:
    rules = {"mapping": written(tmp_path / "shop.toml", RECORDS)}
    old = records(tmp_path / "old.csv", '1,Talks,"$22,700.00",2026-01-05,,Select,', "2,Offer,$5,2026-01-06,,,")
    new = records(
        tmp_path / "new.csv", '1,Offer,"$23,000",2026-01-05,,2026-09-30,', "2,Sold,$6,2026-01-06,2026-06-01,,"
    )
    assert bring(app, "csv", old, tmp_path / "rejects.csv", **rules).imported == 2
    before = app.log.head()
    assert bring(app, "csv", new, tmp_path / "rejects.csv", **rules).rejected == 0
    found = [(f.stream[-1], f.tag) for f in app.log.page(before, 20) if f.stream.startswith("opportunity")]
    assert found == [
        ("1", "stage-changed"), ("1", "amount-changed"), ("1", "close-date-changed"),
        ("2", "stage-changed"), ("2", "amount-changed"), ("2", "opportunity-won"),
    ]  # fmt: skip
    state = app.dispatcher().history("opportunity-shop-2").state
    assert isinstance(state, Won)
    assert state.deal.amount == Money(Decimal(6), "USD")
    assert bring(app, "csv", new, tmp_path / "rejects.csv", **rules).facts == 0


def test_an_export_seen_before_does_not_undo_what_was_done_since(app: App, tmp_path: Path) -> None:
    rules = {"mapping": written(tmp_path / "shop.toml", RECORDS)}
    file = records(tmp_path / "deals.csv", "1,Offer,$7,2026-01-05,,,")
    story = changes(tmp_path / "changes.csv", *ROWS)
    bring(app, "csv", file, tmp_path / "rejects.csv", **rules)
    bring(app, "csv", story, tmp_path / "rejects.csv", mapping=EXAMPLES / "changes.toml")
    for deal in ("opportunity-shop-1", "opportunity-example-B-8"):
        app.dispatcher().execute(Request(stream=deal, command=LoseOpportunity("price"), actor="ann"))
    assert bring(app, "csv", file, tmp_path / "rejects.csv", **rules).unchanged == 1
    assert bring(app, "csv", story, tmp_path / "rejects.csv", mapping=EXAMPLES / "changes.toml").facts == 0
    assert tags(app, "opportunity-shop-1") == ["opportunity-opened", "opportunity-lost"]


def test_of_rows_under_one_id_the_highest_version_counts_and_without_versions_they_collide(
    small: App, tmp_path: Path
) -> None:
    file = records(tmp_path / "deals.csv", "1,Offer,$7,2026-01-05,,,10", "1,Talks,$5,2026-01-05,,,9")
    plain = written(tmp_path / "plain.toml", RECORDS)
    assert bring(small, "csv", file, tmp_path / "rejects.csv", mapping=plain).rejected == 2
    assert reasons(tmp_path / "rejects.csv")[0][2] == "id: 2 rows share the id 1 (lines 2, 3); which one counts?"
    versioned = written(tmp_path / "versioned.toml", RECORDS.replace('{ id = "id",', '{ id = "id", version = "rev",'))
    assert bring(small, "csv", file, tmp_path / "rejects.csv", mapping=versioned).imported == 2
    assert told(small, "opportunity-shop-1")[0][2].amount == Money(Decimal(7), "USD")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1,Offer,$1.234.5,2026-01-05,,,", "worth: '$1.234.5' is not an amount such as 22,700.00"),
        ('1,Offer,"$1,05",2026-01-05,,,', "worth: '$1,05' is not an amount such as 22,700.00"),
        (
            "1,Offer,12,2026-01-05,,,",
            "worth: '12' names no currency; say it (numbers.currency in the mapping, or currency)",
        ),
        ("1,Offer,Select,2026-01-05,,,", "worth: is empty; a default says what that means"),
        ("1,Lead,$1,2026-01-05,,,", "stage: 'Lead' is not in [stages]; there are Offer, Talks, Sold, Gone"),
        ("1,Offer,$1,,,,", "begun: is empty"),
        ("1,Sold,$1,2026-01-05,,,", "ended: is empty, but the deal is won"),
        ("1,Sold,$1,2026-01-05,2026-01-01,,", "ended: 2026-01-01 is before 2026-01-05, its opening"),
        (",Offer,$1,2026-01-05,,,", "id: is empty"),
    ],
)
def test_a_record_that_cannot_be_read_is_refused_with_column_and_reason(
    small: App, tmp_path: Path, row: str, reason: str
) -> None:
    rules = written(tmp_path / "shop.toml", RECORDS)
    bring(small, "csv", records(tmp_path / "deals.csv", row), tmp_path / "rejects.csv", mapping=rules)
    assert reasons(tmp_path / "rejects.csv") == [("2", row.partition(",")[0], reason)]


def test_an_id_that_no_database_can_be_asked_for_is_refused_and_the_rest_goes_on(app: App, tmp_path: Path) -> None:
    rules = written(tmp_path / "shop.toml", RECORDS)
    file = records(tmp_path / "deals.csv", "1\0,Offer,$7,2026-01-05,,,", "2,Offer,$7,2026-01-05,,,")
    assert bring(app, "csv", file, tmp_path / "rejects.csv", mapping=rules).imported == 1
    assert [reason for _, _, reason in reasons(tmp_path / "rejects.csv")] == ["id: holds the NUL character"]


def test_wide_changes_have_one_row_for_each_state_a_deal_was_in(small: App, tmp_path: Path) -> None:
    rules = written(
        tmp_path / "wide.toml",
        RECORDS.replace('system = "shop"', 'system = "shop"\nform = "changes"').replace(
            'opened_at = "begun", closed_at = "ended", close_date = "due"', 'at = "begun", owner = "ended"'
        ),
    )
    file = records(
        tmp_path / "wide.csv",
        "1,Offer,$7,2026-02-05T10:00:00,Ann,,", "1,Talks,$7,2026-01-05T10:00:00,Ann,,",
        "1,Gone,$8,2026-03-05T10:00:00,Bob,,",
    )  # fmt: skip
    assert bring(small, "csv", file, tmp_path / "rejects.csv", mapping=rules).rejected == 0
    assert tags(small, "opportunity-shop-1") == [
        "opportunity-opened", "stage-changed", "amount-changed", "owner-changed", "opportunity-lost",
    ]  # fmt: skip


def test_an_export_of_today_comes_in_today(small: App, tmp_path: Path) -> None:
    today = date.today().isoformat()
    rules = written(tmp_path / "shop.toml", RECORDS.replace("2026-06-30", today))
    file = records(tmp_path / "deals.csv", f"1,Sold,$7,2026-01-05,{today},,")
    assert bring(small, "csv", file, tmp_path / "rejects.csv", mapping=rules).rejected == 0
    assert bring(small, "csv", file, tmp_path / "rejects.csv", mapping=rules).facts == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (('system = "shop"', 'system = "shop"\ncolour = "red"'), "unknown field `colour`"),
        (
            ('stage = "stage"', 'stage = "stage", phase = "x"'),
            "columns.phase: records of a deal have no such field, but",
        ),
        (('amount = "worth", ', ""), "columns.amount: records of a deal need it"),
        (('amount = "worth"', 'amount = { colum = "worth" }'), "unknown field `colum` - at `$.columns[...]`"),
        (('amount = "worth"', 'amount = { column = "worth", constant = "1" }'), "columns.amount: say either column or"),
        (("snapshot = 2026-06-30", 'zone = "Mars/Base"'), "dates.zone: there is no zone 'Mars/Base'"),
        (('process = { stream = "process-standard" }', ""), "process: deals follow one"),
        (('system = "shop"', 'system = "a-b"'), "system: a short name of letters and digits"),
        (('system = "shop"', "system = "), "Invalid value"),
    ],
)
def test_a_mapping_that_is_wrong_names_the_key_and_the_reason(
    tmp_path: Path, change: tuple[str, str], reason: str
) -> None:
    assert change[0] in RECORDS
    with pytest.raises(Malformed) as refusal:
        mapping_file.load(written(tmp_path / "shop.toml", RECORDS.replace(*change)))
    assert str(refusal.value).startswith("shop.toml: ")
    assert reason in str(refusal.value)


def test_a_mapping_or_a_table_that_is_not_there_is_named(small: App, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no such mapping"):
        bring(small, "csv", tmp_path, tmp_path / "rejects.csv", mapping=tmp_path / "none.toml")
    rules = written(tmp_path / "shop.toml", RECORDS)
    with pytest.raises(Malformed, match="say which file of the folder"):
        bring(small, "csv", tmp_path, tmp_path / "rejects.csv", mapping=rules)
    with pytest.raises(Malformed, match="the column stage, worth, begun, ended, due is missing"):
        bring(small, "csv", written(tmp_path / "deals.csv", "id\n"), tmp_path / "rejects.csv", mapping=rules)


def test_every_example_is_a_mapping() -> None:
    for file in sorted(EXAMPLES.glob("*.toml")):
        assert mapping_file.load(file).system


def test_the_rows_on_disk_are_let_go_with_who_reads_them(tmp_path: Path) -> None:
    spool = Spool()
    table = Table(written(tmp_path / "rows.csv", "id,at\nA,1\nA,2\n"), ("at",))
    assert list(spool.fill(table, "id")) == [["1"], ["2"]]
    rows, groups = spool._rows, spool.groups()
    del spool
    assert [(name, len(group)) for name, group in groups] == [("A", 2)]
    del groups
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        rows.execute("SELECT 1")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (f'{RECORDS}table.encoding = "nonsense"\n'.encode(), r"table\.encoding: 'nonsense'"),
        (f'{RECORDS}table.encoding = "hex"\n'.encode(), r"table\.encoding: 'hex'"),
        (b"system = '\xff'", "utf-8"),
        (b"system = " + b"[" * 5000 + b"]" * 5000, "recursion"),
    ],
    ids=["no codec", "no text", "not UTF-8", "deep"],
)  # fmt: skip
def test_a_mapping_that_cannot_be_read_is_malformed_and_named(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "shop.toml").write_bytes(content)
    with pytest.raises(Malformed, match=f"^shop\\.toml: .*{reason}"):
        mapping_file.load(tmp_path / "shop.toml")
