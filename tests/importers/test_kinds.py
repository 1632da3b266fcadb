"""What exports are really like: encodings, separators, ids, currencies, reasons, several rows of a deal, people."""

import csv
import stat
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.errors import Malformed
from domain.money import Money
from domain.opportunity import Won
from domain.recorded import Request
from domain.reference.subject import EraseSubject
from infra.application.app import App
from infra.importers import formats
from infra.importers.cells import coded, identifier, whole_id
from infra.importers.runner import Import, Summary
from infra.importers.times import Calendar, Forms
from tests.importers.bringing import EXAMPLES, bring, reasons, tags, told
from tests.importers.test_mapping import leads
from tests.importers.test_mutations import HUBSPOT, MAVEN, PIPEDRIVE, SALESFORCE
from tests.offenders import every

RULES = """
system = "kinds"
{more}
[dates]
snapshot = 2026-06-30
[numbers]
{numbers}
[process]
stream = "process-standard"
[stages]
Talks = "discovery"
Won = {{ to = "won", through = "proposal" }}
Lost = {{ to = "lost", through = "discovery" }}
[columns]
id = "Id"
opened_at = "Created"
stage = "Stage"
amount = "Amount"
{columns}
"""
HEADER = "Id,Created,Stage,Amount"


def table(
    app: App, tmp_path: Path, content: bytes | str, columns: str = "", numbers: str = 'currency = "EUR"', more: str = ""
) -> Summary:
    (tmp_path / "rules.toml").write_text(RULES.format(columns=columns, numbers=numbers, more=more))
    (tmp_path / "deals.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    return bring(app, "csv", tmp_path / "deals.csv", tmp_path / "rejects.csv", mapping=tmp_path / "rules.toml")


def deal(app: App, name: str) -> Any:
    return app.dispatcher().history(f"opportunity-kinds-{name}").state


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_byte_order_marks_and_separators_are_recognised(
    small: App, tmp_path: Path, encoding: str, delimiter: str
) -> None:
    text = f"{HEADER},Owner\nD-1,2026-01-05,Talks,100,Zoë\n".replace(",", delimiter)
    assert table(small, tmp_path, text.encode(encoding), 'owner = "Owner"').imported == 1
    assert deal(small, "D-1").deal.terms.owner == "Zoë"


@pytest.mark.parametrize("first", ["\n", "sep=;\n", '"sep=;"\r\n', "\r\n \r\n"])
def test_what_stands_before_the_header_is_no_header(small: App, tmp_path: Path, first: str) -> None:
    assert table(small, tmp_path, first + f"{HEADER}\nD-1,2026-01-05,Talks,100\n".replace(",", ";")).imported == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            f"{HEADER},Owner\nD-1,2026-01-05,Talks,100,Ann\nD-2,2026-01-05,Talks,5,Zo\xeb\n".encode("latin-1"),
            "deals.csv: line 3: the byte 0xEB is not UTF-8: say the encoding, such as cp1252",
        ),
        (
            f"{HEADER}\nD-1,2026-01-05,Talks,100\n".encode("utf-16-le"),
            "deals.csv: holds zero bytes, as UTF-16 has without a byte-order mark: say the encoding",
        ),
        (
            b"Id:Created:Stage:Amount\nD-1:2026-01-05:Talks:100\n",
            "deals.csv: the column Id, Created, Stage, Amount is missing; the header reads 'Id:Created:Stage:Amount'",
        ),
        (
            b"PK\x03\x04\x14\0\x08",
            "deals.csv: is an Excel workbook or another ZIP file, not a table in text: save it as CSV",
        ),
        (bytes.fromhex("d0cf11e0a1b11ae1"), "deals.csv: is an old Excel workbook, not a table in text: save it as CSV"),
        (b"\x1f\x8b\x08\0\0", "deals.csv: is a gzip file, not a table in text: save it as CSV"),
        (b"", "deals.csv: the column Id, Created, Stage, Amount is missing; the file is empty"),
    ],
)
def test_what_is_not_recognised_is_refused_with_what_was_seen(
    small: App, tmp_path: Path, content: bytes, reason: str
) -> None:
    with pytest.raises(Malformed) as refusal:
        table(small, tmp_path, content)
    assert str(refusal.value).startswith(reason)


def test_an_id_of_15_and_of_18_characters_is_one_id(small: App, tmp_path: Path) -> None:
    assert whole_id("001A0000006Vm9r") == "001A0000006Vm9rIAC"
    assert whole_id("D-1") == "D-1"
    table(small, tmp_path, f"{HEADER}\n001A0000006Vm9r,2026-01-05,Talks,100\n")
    summary = table(small, tmp_path, f"{HEADER}\n001A0000006Vm9rIAC,2026-01-05,Talks,150\n")
    assert (summary.imported, tags(small, "opportunity-kinds-001A0000006Vm9rIAC")) == (
        1,
        ["opportunity-opened", "amount-changed"],
    )


def test_a_currency_is_one_of_iso_4217_in_any_case(small: App, tmp_path: Path) -> None:
    rows = f"{HEADER},Money\nD-1,2026-01-05,Talks,100,usd\nD-2,2026-01-05,Talks,100,XQZ\nD-3,2026-01-05,Talks,100,Kwd\n"
    assert table(small, tmp_path, rows, 'currency = "Money"').imported == 2
    assert deal(small, "D-1").deal.amount == Money(Decimal(100), "USD")
    [(line, name, reason)] = reasons(tmp_path / "rejects.csv")
    assert (line, name, "'XQZ' is not an ISO 4217 code" in reason) == ("3", "D-2", True)


@pytest.mark.parametrize(
    ("rounding", "amount"), [("", None), ("half-up", "2.35"), ("half-even", "2.34"), ("down", "2.34")]
)
def test_more_digits_than_the_currency_has_are_refused_or_rounded_as_one_states(
    small: App, tmp_path: Path, rounding: str, amount: str | None
) -> None:
    numbers = f'currency = "EUR"\nrounding = "{rounding}"' if rounding else 'currency = "EUR"'
    summary = table(small, tmp_path, f"{HEADER}\nD-1,2026-01-05,Talks,2.345\n", numbers=numbers)
    assert summary.rejected == (amount is None)
    if amount:
        assert deal(small, "D-1").deal.amount == Money(Decimal(amount), "EUR")


def test_each_column_has_a_format_of_its_own(small: App, tmp_path: Path) -> None:
    rows = f"{HEADER},Due\nD-1,05.01.2026,Talks,100,31/12/2026\nD-2,06.01.2026,Talks,100,25/11/2026\n"
    columns = 'close_date = "Due"'
    with pytest.raises(Malformed, match=r"Created: the dates '05\.01\.2026' and '06\.01\.2026' are not ISO 8601"):
        table(small, tmp_path, rows, columns)
    given = RULES.replace('"Created"', '{{ column = "Created", format = "%d.%m.%Y" }}')
    (tmp_path / "given.toml").write_text(given.format(columns=columns, numbers='currency = "EUR"', more=""))
    rules = {"mapping": tmp_path / "given.toml"}
    assert bring(small, "csv", tmp_path / "deals.csv", tmp_path / "rejects.csv", **rules).imported == 2
    assert deal(small, "D-1").deal.terms.close_date == date(2026, 12, 31)


PARTS = f"{HEADER},Product,Owner\nD-1,2026-01-05,Won,100,Hub,Ann\nD-2,2026-01-05,Talks,7,Hub,Ann\n"
PARTS += "D-1,2026-01-05,Won,20.50,Cable,Ann\n"
OF_PARTS = 'product = "Product"\nowner = "Owner"\nclosed_at = "Created"'


def test_several_rows_of_one_deal_become_a_sum(small: App, tmp_path: Path) -> None:
    assert table(small, tmp_path, PARTS, OF_PARTS, more='several_rows = "sum"').imported == 3
    found = deal(small, "D-1")
    assert isinstance(found, Won)
    assert (found.deal.amount, found.deal.lines) == (Money(Decimal("120.50"), "EUR"), {})


def test_several_rows_of_one_deal_become_its_line_items(small: App, tmp_path: Path) -> None:
    assert table(small, tmp_path, PARTS, OF_PARTS, more='several_rows = "line-items"').imported == 3
    found = deal(small, "D-1")
    assert isinstance(found, Won)
    assert found.deal.amount == Money(Decimal("120.50"), "EUR")
    assert sorted(line.product for line in found.deal.lines.values()) == ["Cable", "Hub"]
    assert table(small, tmp_path, PARTS, OF_PARTS, more='several_rows = "line-items"').facts == 0


def test_several_rows_of_one_deal_that_differ_in_what_is_one_are_refused_by_column(small: App, tmp_path: Path) -> None:
    rows = PARTS.replace("Cable,Ann", "Cable,Bob")
    assert table(small, tmp_path, rows, OF_PARTS, more='several_rows = "sum"').rejected == 2
    assert reasons(tmp_path / "rejects.csv")[0][2] == "Owner: the rows of one deal differ in it (lines 2, 4)"


@every(
    ("words", "code", "note"),
    [
        ("pricing-issues", "pricing-issues", ""),
        ("Pricing Issues", "pricing-issues", "Pricing Issues"),
        ("Ann said that Bob was too late again.", "other", "Ann said that Bob was too late again."),
        ("Größe", "other", "Größe"),
        ("", "unknown", ""),
    ],
)
def test_a_reason_becomes_a_code_and_its_words_a_note(words: str, code: str, note: str) -> None:
    assert coded(words) == (code, note)


def test_the_words_of_a_reason_are_sealed(small: App, tmp_path: Path) -> None:
    rows = f"{HEADER},Why\nD-1,2026-01-05,Lost,100,Ann was too late again and again\n"
    assert table(small, tmp_path, rows, 'lost_reason = "Why"\nclosed_at = "Created"').imported == 1
    lost = told(small, "opportunity-kinds-D-1")[-1][2]
    assert (lost.reason, lost.note) == ("other", "Ann was too late again and again")
    stored = small.log.histories(["opportunity-kinds-D-1"])["opportunity-kinds-D-1"][-1].event
    assert "too late" not in str(stored)


def test_an_id_of_an_activity_that_is_none_becomes_a_digest() -> None:
    assert identifier("00T-a_b.c:d") == "00T-a_b.c:d"
    assert len(identifier("a b/c+d=")) == 32


def test_names_are_on_one_line_and_hold_nothing_that_cannot_be_seen(small: App, tmp_path: Path) -> None:
    rows = f'{HEADER},Owner\nD-1,2026-01-05,Talks,100,"Ann\xa0\nAbel"\nD-2,2026-01-05,Talks,100,Bob\x1b[2J\n'
    assert table(small, tmp_path, rows, 'owner = "Owner"').imported == 1
    assert deal(small, "D-1").deal.terms.owner == "Ann Abel"
    [(line, name, reason)] = reasons(tmp_path / "rejects.csv")
    assert (line, name, reason.startswith("Owner: 'Bob\\x1b[2J' holds a character")) == ("4", "D-2", True)


def test_the_rejects_are_the_owners_alone_without_what_is_personal(small: App, tmp_path: Path) -> None:
    rows = "L-1;03/30/2026;Ann Example;no address;+1 555;Example Ltd;Fair;Bob;Open;;;;"
    file = leads(tmp_path / "leads.csv", rows)
    rejects = tmp_path / "rejects.csv"
    rejects.write_text("file,line,id,reason,row\nold.csv,2,,of an earlier run,\n")
    rejects.chmod(0o644)
    assert bring(small, "csv", file, rejects, mapping=EXAMPLES / "leads.toml").rejected == 1
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600
    text = rejects.read_text()
    assert "Example Ltd" in text
    assert not any(personal in text for personal in ("Ann Example", "no address", "+1 555"))
    export = formats.read("csv", file, "import:csv", mapping=EXAMPLES / "leads.toml")
    with small.bulk() as dispatcher:
        Import(dispatcher, export, "import:csv", rejects, whole=True).run(lambda _: None)
    assert "Ann Example" in rejects.read_text()


def test_the_rejects_take_the_place_of_no_other_file(small: App, tmp_path: Path) -> None:
    with pytest.raises(Malformed, match=r"rejects: .*/deals\.csv is a file of something else"):
        (tmp_path / "rules.toml").write_text(RULES.format(columns="", numbers='currency = "EUR"', more=""))
        (tmp_path / "deals.csv").write_text(f"{HEADER}\nD-1,2026-01-05,Talks,none\n")
        bring(small, "csv", tmp_path / "deals.csv", tmp_path / "deals.csv", mapping=tmp_path / "rules.toml")
    assert "D-1" in (tmp_path / "deals.csv").read_text()
    rules = {"mapping": tmp_path / "rules.toml"}
    assert bring(small, "csv", tmp_path / "deals.csv", Path("/dev/null"), **rules).rejected == 1


def test_a_row_of_an_erased_person_never_comes_back_in_the_rejects(small: App, tmp_path: Path) -> None:
    row = "L-1;03/30/2026;Ann Example;ann@example.com;+1 555;Example Ltd;Fair;Bob;Open;;;;"
    rules, rejects = {"mapping": EXAMPLES / "leads.toml"}, tmp_path / "rejects.csv"
    assert bring(small, "csv", leads(tmp_path / "old.csv", row), rejects, **rules).imported == 1
    erasure = Request(stream="subject-lead-example-L-1", command=EraseSubject("GDPR-17", "bea"), actor="ann")
    small.dispatcher().execute(erasure)
    newer = leads(tmp_path / "new.csv", row.replace("Bob", "Eve").replace("Example Ltd", "Alder"))
    export = formats.read("csv", newer, "import:csv", **rules)
    with small.bulk() as dispatcher:
        summary = Import(dispatcher, export, "import:csv", rejects, whole=True).run(lambda _: None)
    assert summary.rejected == 1
    text = rejects.read_text()
    assert "L-1" in text
    assert not any(word in text for word in ("Ann Example", "ann@example.com", "+1 555", "Alder", "Eve"))


def test_the_first_import_of_a_system_brings_history_and_others_where_it_is_said(small: App, tmp_path: Path) -> None:
    first = f"{HEADER}\nD-1,2026-01-05,Talks,100\n"
    assert table(small, tmp_path, first).history
    assert table(small, tmp_path, first).history, "the same file again goes on with the first import"
    second = table(small, tmp_path, f"{HEADER}\nD-2,2026-01-05,Talks,100\n")
    assert not second.history
    (tmp_path / "deals.csv").write_text(f"{HEADER}\nD-3,2026-01-05,Talks,100\n")
    export = formats.read("csv", tmp_path / "deals.csv", "import:csv", mapping=tmp_path / "rules.toml")
    with small.bulk() as dispatcher:
        Import(dispatcher, export, "import:csv", None, history=True).run(lambda _: None)
    facts = small.log.histories([f"opportunity-kinds-D-{number}" for number in (1, 2, 3)])
    marks = [found[0].source.history for _, found in sorted(facts.items()) if found[0].source]
    assert marks == [True, False, True]


def test_the_owner_of_a_deal_that_has_ended_is_left_out_and_said(small: App, tmp_path: Path) -> None:
    row = f"{HEADER},Owner\nD-1,2026-01-05,Won,100,"
    columns = 'owner = "Owner"\nclosed_at = "Created"'
    table(small, tmp_path, f"{row}Ann\n", columns)
    summary = table(small, tmp_path, f"{row}Bob\n", columns)
    assert (summary.left_out, summary.rejected, summary.facts) == (1, 0, 0)
    assert reasons(tmp_path / "rejects.csv") == [("2", "D-1", "left out: owner: is told after the deal had ended")]


@every(
    ("text", "day"),
    [
        ("2026-03-31T23:30:00Z", date(2026, 4, 1)),
        ("2026-03-31", date(2026, 3, 31)),
        ("2026-03-31T00:00:00Z", date(2026, 3, 31)),
        ("2026-03-31 00:00:00", date(2026, 3, 31)),
        ("1774915200000", date(2026, 3, 31)),
        ("1774999800000", date(2026, 4, 1)),
        ("3/31/2026 11:30 PM", date(2026, 4, 1)),
    ],
)
def test_an_instant_falls_on_the_organisations_day_and_a_day_is_a_day(text: str, day: date) -> None:
    forms = Forms()
    forms.add("due", text)
    assert Calendar(forms, zone=ZoneInfo("Europe/Berlin")).day_of("due", text) == day


def test_one_bad_row_of_a_story_is_one_reject(small: App, tmp_path: Path) -> None:
    rules = (EXAMPLES / "changes.toml").read_text()
    (tmp_path / "rules.toml").write_text(rules)
    (tmp_path / "changes.csv").write_text(
        "number,deal,when,what,to\n1,A,2026-01-05 09:00:00,Created,\n2,A,2026-01-06 09:00:00,Value,nothing\n"
        "3,A,2026-13-07 09:00:00,Owner,Bob\n4,A,2026-01-08 09:00:00,Phase,Offer made\n5,A,2026-01-09 09:00:00,Hue,red\n"
    )
    summary = bring(small, "csv", tmp_path / "changes.csv", tmp_path / "rejects.csv", mapping=tmp_path / "rules.toml")
    assert (summary.imported, summary.rejected) == (2, 3)
    assert [line for line, *_ in reasons(tmp_path / "rejects.csv")] == ["3", "4", "6"]


@every(
    ("texts", "form"),
    [
        (("2026-01-05", "2026-01-06", "1/2/2026"), "%Y-%m-%d"),
        (("2026-01-05", "1/13/2026", "1/14/2026"), "%m/%d/%Y"),
        (("13/1/2026", "14/1/2026", "1/14/2026"), "%d/%m/%Y"),
        (("10/10/2026", "soon"), "%m/%d/%Y"),
        (("soon",), "%Y-%m-%d"),
        (("2026-01-05", "1/2/2026", "1/3/2026"), "can be read as"),
        (("13/1/2026", "1/14/2026"), "some dates are M/D/YYYY, and as many D/M/YYYY"),
        (("05.01.2026", "06.01.2026"), "are not ISO 8601"),
    ],
)
def test_the_form_of_a_column_is_that_of_most_of_it_and_never_guessed(texts: tuple[str, ...], form: str) -> None:
    forms = Forms()
    for text in texts:
        forms.add("at", text)
    if form.startswith("%"):
        assert forms.of("at") == form
        return
    with pytest.raises(Malformed, match=form):
        forms.of("at")


@pytest.mark.parametrize(
    ("format_", "tables", "file", "line"),
    [
        ("pipedrive", PIPEDRIVE, "deal_changes.csv", 4),
        ("pipedrive", PIPEDRIVE, "activity.csv", 2),
        ("salesforce", SALESFORCE, "opportunity.csv", 2),
        ("salesforce", SALESFORCE, "account.csv", 2),
        ("hubspot", HUBSPOT, "deal.csv", 2),
        ("maven", MAVEN, "sales_pipeline.csv", 2),
    ],
)
@pytest.mark.parametrize("change", ["too wide", "too short"])
def test_a_row_that_does_not_fit_is_one_reject_in_every_format(
    small: App, tmp_path: Path, format_: str, tables: dict[str, str], file: str, line: int, change: str
) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    for name, text in tables.items():
        rows = text.splitlines()
        if name == file:
            rows[line - 1] = f"{rows[line - 1]},22" if change == "too wide" else rows[line - 1].rpartition(",")[0]
        (folder / name).write_text("\n".join(rows) + "\n")
    summary = bring(small, format_, folder, tmp_path / "rejects.csv")
    with (tmp_path / "rejects.csv").open() as rejects:
        listed = [(row["file"], row["line"], row["reason"]) for row in csv.DictReader(rejects)]
    assert [place for *place, reason in listed if reason.startswith("the row has ")] == [[file, str(line)]]
    assert summary.imported > 0


@pytest.mark.parametrize(
    ("format_", "tables", "file"),
    [("salesforce", SALESFORCE, "opportunity.csv"), ("hubspot", HUBSPOT, "deal.csv"), ("maven", MAVEN, "products.csv")],
)
def test_a_doubled_column_and_a_quote_that_stays_open_refuse_the_file_in_every_format(
    small: App, tmp_path: Path, format_: str, tables: dict[str, str], file: str
) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    for name, text in tables.items():
        (folder / name).write_text(text)
    header, _, rest = tables[file].partition("\n")
    (folder / file).write_text(f"{header},{header.partition(',')[0]}\n{rest}")
    with pytest.raises(Malformed, match=rf"{file}: the column .* is there twice"):
        bring(small, format_, folder, tmp_path / "rejects.csv")
    (folder / file).write_text(f'{header}\n"{rest}')
    with pytest.raises(Malformed, match=rf"{file}: line 2: the (quote that opens there|row cannot be taken apart)"):
        bring(small, format_, folder, tmp_path / "rejects.csv")


def test_what_happened_twice_in_one_instant_happens_twice_in_every_format(small: App, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    moves = "".join(f"2,2024-01-05T08:00:00Z,amount,{amount}\n" for amount in (60, 70, 60, 70))
    for name, text in HUBSPOT.items():
        (folder / name).write_text(text + (moves if name == "deal_property_history.csv" else ""))
    bring(small, "hubspot", folder, tmp_path / "rejects.csv")
    found = [event.to.amount for _, tag, event in told(small, "opportunity-hubspot-2") if tag == "amount-changed"]
    assert found == [60, 70, 60, 70]
