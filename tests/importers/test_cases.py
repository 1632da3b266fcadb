"""Small inputs that came out wrong once, by the name of their folder in `cases/`, and their brothers."""

import shutil
from datetime import date
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from domain.errors import Malformed
from domain.lead import Converted
from domain.money import Money
from domain.opportunity import Open, Won
from infra.application.app import App
from infra.importers.runner import Summary
from tests.importers.bringing import bring, reasons, tags, told

CASES = Path(__file__).parent / "cases"
JUNE = date(2026, 6, 30)


def brought(
    app: App, tmp_path: Path, case: str, file: str = "deals.csv", mapping: str = "", snapshot: date | None = JUNE
) -> Summary:
    rules = CASES / case / (mapping or file.replace(".csv", ".toml"))
    return bring(app, "csv", CASES / case / file, tmp_path / "rejects.csv", mapping=rules, snapshot=snapshot)


def edited(tmp_path: Path, case: str, *changes: tuple[str, str]) -> Path:
    """A copy of a case in which texts are replaced in every file."""
    folder = tmp_path / f"{case}-edited"
    shutil.copytree(CASES / case, folder, copy_function=shutil.copyfile)
    for file in folder.iterdir():
        text = file.read_text()
        for old, new in changes:
            text = text.replace(old, new)
        file.write_text(text)
    return folder


def deal(app: App, name: str = "D-1") -> Any:
    return app.dispatcher().history(f"opportunity-ex-{name}").state


def euros(amount: int | str) -> Money:
    return Money(Decimal(amount), "EUR")


# What gave wrong figures without a word


def test_newer_export_stage(app: App, tmp_path: Path) -> None:
    for file, day in (("jan.csv", date(2026, 1, 31)), ("mar.csv", date(2026, 3, 31))):
        assert brought(app, tmp_path, "newer-export-stage", file, "deals.toml", day).rejected == 0
    assert [(at, tag) for at, tag, _ in told(app, "opportunity-ex-D-1")] == [
        ("2026-01-05 09:00:00", "opportunity-opened"),
        ("2026-03-18 08:00:00", "stage-changed"),
        ("2026-03-20 10:00:00", "owner-changed"),
        ("2026-03-20 10:00:00", "amount-changed"),
    ]


def test_newer_export_stage_of_a_deal_that_was_won_meanwhile(app: App, tmp_path: Path) -> None:
    brought(app, tmp_path, "newer-export-stage", "jan.csv", "deals.toml", date(2026, 1, 31))
    brought(app, tmp_path, "newer-export-stage", "mar-won.csv", "deals-won.toml", date(2026, 3, 31))
    found = [(at, tag) for at, tag, _ in told(app, "opportunity-ex-D-1")]
    assert ("2026-03-18 08:00:00", "stage-changed") in found
    assert found[-1] == ("2026-03-20 10:00:00", "opportunity-won")


@pytest.mark.parametrize(
    ("column", "since"), [('staged_at = "StageSince"\n', "2026-03-18 08:00"), ("no such line", "2026-01-05 09:00")]
)
def test_newer_export_stage_without_a_time_that_can_be_stands_at_the_export(
    small: App, tmp_path: Path, column: str, since: str
) -> None:
    """Without a time, and with one before the export that still said otherwise."""
    case = edited(tmp_path, "newer-export-stage", (column, ""), ("2026-03-18 08:00", since))
    for file, day in (("jan.csv", date(2026, 1, 31)), ("mar.csv", date(2026, 3, 31))):
        bring(small, "csv", case / file, tmp_path / "r.csv", mapping=case / "deals.toml", snapshot=day)
    assert [at for at, tag, _ in told(small, "opportunity-ex-D-1") if tag == "stage-changed"] == ["2026-03-31 23:59:59"]


@pytest.mark.parametrize("mapping", ["closed-then-due.toml", "due-then-closed.toml"])
@pytest.mark.parametrize("snapshot", [JUNE, None])
@pytest.mark.parametrize("file", ["deals.csv", "future.csv"])
def test_snapshot_by_key_order(
    small: App, tmp_path: Path, mapping: str, snapshot: date | None, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = brought(small, tmp_path, "snapshot-by-key-order", file, mapping, snapshot)
    assert (summary.imported, summary.rejected) == (3, 0)
    assert told(small, "opportunity-ex-D-1")[-1][:2] == ("2026-02-20 23:59:59", "opportunity-won")
    assert deal(small, "D-3").deal.terms.close_date.month == 6


def test_the_snapshot_is_the_latest_instant_that_happened(small: App, tmp_path: Path) -> None:
    from infra.importers import formats

    for mapping in ("closed-then-due.toml", "due-then-closed.toml"):
        case = CASES / "snapshot-by-key-order"
        export = formats.read("csv", case / "future.csv", "import:csv", mapping=case / mapping)
        assert export.snapshot == date(2026, 2, 20)


def test_wide_row(small: App, tmp_path: Path) -> None:
    assert brought(small, tmp_path, "wide-row").imported == 1
    [(line, name, reason)] = reasons(tmp_path / "rejects.csv")
    assert (line, name) == ("2", "D-1")
    assert reason.startswith("the row has 5 cells, the header 4")


def test_short_row(small: App, tmp_path: Path) -> None:
    assert brought(small, tmp_path, "short-row").imported == 1
    assert reasons(tmp_path / "rejects.csv") == [("2", "D-1", "the row has 4 cells, the header 6")]


def test_dup_header(small: App, tmp_path: Path) -> None:
    with pytest.raises(Malformed, match=r"the column Amount is there twice \(columns 4 and 6\)"):
        brought(small, tmp_path, "dup-header")


def test_dup_header_of_columns_that_nobody_mapped_refuses_nothing(small: App, tmp_path: Path) -> None:
    case = edited(tmp_path, "dup-header", (",Owner,Amount", ",Note,Note"))
    summary = bring(small, "csv", case / "deals.csv", tmp_path / "r.csv", mapping=case / "deals.toml", snapshot=JUNE)
    assert (summary.imported, deal(small).deal.amount) == (1, euros(1000))


def test_quote_swallows(small: App, tmp_path: Path) -> None:
    with pytest.raises(Malformed, match=r"deals.csv: line 2: the quote that opens there is not closed"):
        brought(small, tmp_path, "quote-swallows")


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        (('D-1,2026-01-05,Open,100,"two\nlines"', 'D-2,2026-01-05,Open,5,"open', "D-3,2026-01-05,Open,7,"), 4),
        (('D-1,2026-01-05,Open,100,"open', "D-2,2026-01-05,Open,5,", 'D-3,2026-01-05,Open,7,pipe 5"'), 2),
        (('D-1,2026-01-05,Open,100,"open', 'D-2,2026-01-05,Open,5,"ok"', "D-3,2026-01-05,Open,7,"), 2),
    ],
)
def test_quote_swallows_and_is_closed_by_another_one(
    small: App, tmp_path: Path, rows: tuple[str, ...], line: int
) -> None:
    (tmp_path / "deals.csv").write_text("Id,Created,Stage,Amount,Notes\n" + "\n".join(rows) + "\n")
    rules = CASES / "quote-swallows" / "deals.toml"
    with pytest.raises(Malformed, match=rf"deals.csv: line {line}: the quote that opens there"):
        bring(small, "csv", tmp_path / "deals.csv", tmp_path / "r.csv", mapping=rules, snapshot=JUNE)


def test_a_cell_of_several_lines_is_one_cell(small: App, tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_text(
        'Id,Created,Stage,Amount,Notes\nD-1,2026-01-05,Open,100,"said: 5, 6, 7, 8\n""yes"", and 9"\n'
        "D-2,2026-01-05,Open,5,\n"
    )
    rules = CASES / "quote-swallows" / "deals.toml"
    assert bring(small, "csv", tmp_path / "deals.csv", tmp_path / "r.csv", mapping=rules, snapshot=JUNE).imported == 2


def test_amount_after_win(app: App, tmp_path: Path) -> None:
    summary = brought(app, tmp_path, "amount-after-win", "changes.csv")
    assert (summary.imported, summary.rejected, summary.left_out) == (4, 1, 0)
    assert reasons(tmp_path / "rejects.csv") == [
        ("6", "D-1", "amount: 180.00 EUR is told after the deal had ended: correct it by hand")
    ]
    assert isinstance(deal(app), Won)
    assert deal(app).deal.amount == euros(100)
    again = brought(app, tmp_path, "amount-after-win", "changes.csv")
    assert (again.facts, again.rejected) == (0, 1)


def test_owner_and_close_date_after_win_are_left_out_and_said(small: App, tmp_path: Path) -> None:
    case = edited(tmp_path, "amount-after-win", ("04-01 10:00,Amount,180", "04-01 10:00,Owner,Ann"))
    with (case / "changes.toml").open("a") as file:
        file.write('Owner = "owner"\nDue = "close_date"\n')
    with (case / "changes.csv").open("a") as file:
        file.write("D-1,2026-04-02 10:00,Due,2026-05-01\n")
    rules = {"mapping": case / "changes.toml", "snapshot": JUNE}
    summary = bring(small, "csv", case / "changes.csv", tmp_path / "rejects.csv", **rules)
    assert (summary.imported, summary.rejected, summary.left_out) == (4, 0, 2)
    assert [(line, reason) for line, _, reason in reasons(tmp_path / "rejects.csv")] == [
        ("6", "left out: owner: is told after the deal had ended"),
        ("7", "left out: close_date: is told after the deal had ended"),
    ]


def test_terms_told_of_a_closed_deal_stand_once_it_is_opened_again(small: App, tmp_path: Path) -> None:
    case = edited(tmp_path, "amount-after-win")
    with (case / "changes.csv").open("a") as file:
        file.write("D-1,2026-05-01 10:00,Stage,Proposal\n")
    rules = {"mapping": case / "changes.toml", "snapshot": JUNE}
    assert bring(small, "csv", case / "changes.csv", tmp_path / "rejects.csv", **rules).rejected == 0
    assert isinstance(deal(small), Open)
    assert deal(small).deal.amount == euros(180)


def test_changes_same_minute(app: App, tmp_path: Path) -> None:
    assert brought(app, tmp_path, "changes-same-minute", "changes.csv").rejected == 0
    assert deal(app, "D-1").deal.progress.stage == "proposal"
    assert tags(app, "opportunity-ex-D-1") == ["opportunity-opened", *["stage-changed"] * 3]
    assert told(app, "opportunity-ex-D-2")[0][2].stage == "discovery"
    assert deal(app, "D-2").deal.progress.stage == "proposal"
    assert deal(app, "D-3").deal.amount == euros(200)
    assert brought(app, tmp_path, "changes-same-minute", "changes.csv").facts == 0


@pytest.mark.parametrize("files", [*permutations(("leads", "deals")), *permutations(("leads", "changes"))])
def test_leads_then_deals(app: App, tmp_path: Path, files: tuple[str, str]) -> None:
    for file in files:
        assert brought(app, tmp_path, "leads-then-deals", f"{file}.csv").rejected == 0
    found, lead = deal(app), app.dispatcher().history("lead-ex-L-1").state
    assert isinstance(found, Won)
    assert isinstance(lead, Converted)
    opened = found.deal.opened
    assert (lead.opportunity, opened.lead, opened.source) == ("opportunity-ex-D-1", "lead-ex-L-1", "fair")
    assert (found.deal.amount, found.deal.terms.account) == (euros(9000), "Alder")
    assert opened.product == ("Team plan" if "deals" in files else "")
    expected = ["opportunity-won"] if "deals" in files else ["stage-changed", "amount-changed", "opportunity-won"]
    assert [tag for tag in tags(app, "opportunity-ex-D-1") if tag != "fact-corrected"][1:] == expected
    for file in files:
        assert brought(app, tmp_path, "leads-then-deals", f"{file}.csv").facts == 0


# What died, or refused good data


def test_same_day_bare_date(small: App, tmp_path: Path) -> None:
    assert brought(small, tmp_path, "same-day-bare-date").imported == 3
    assert [(at, tag) for at, tag, _ in told(small, "opportunity-ex-D-1")] == [
        ("2026-01-05 15:00:00", "opportunity-opened"),
        ("2026-01-05 15:00:00", "opportunity-won"),
    ]


def test_due_9999(small: App, tmp_path: Path) -> None:
    assert brought(small, tmp_path, "due-9999").imported == 1
    [(line, name, reason)] = reasons(tmp_path / "rejects.csv")
    assert (line, name) == ("2", "D-1")
    assert reason.startswith("Due: '9999-12-31' is not a time of the years 2 to 9998")


def test_big_field(small: App, tmp_path: Path) -> None:
    assert brought(small, tmp_path, "big-field").rejected == 0


def test_bad_encoding(small: App, tmp_path: Path) -> None:
    with pytest.raises(Malformed, match=r"table.encoding: 'utf16x' is no encoding of text; such are utf-8"):
        brought(small, tmp_path, "bad-encoding")


def test_one_bad_date(small: App, tmp_path: Path) -> None:
    assert brought(small, tmp_path, "one-bad-date").imported == 2
    [(line, name, reason)] = reasons(tmp_path / "rejects.csv")
    assert (line, name) == ("3", "D-2")
    assert reason.startswith("Created: '2026-02-30' is not a time")


def test_formula(small: App, tmp_path: Path) -> None:
    brought(small, tmp_path, "formula")
    text = (tmp_path / "rejects.csv").read_text()
    assert "\x1b" not in text
    assert [name for _, name, _ in reasons(tmp_path / "rejects.csv")] == ["'@x", "D-2\\x1b[31mRED"]


def test_kwd(small: App, tmp_path: Path) -> None:
    assert brought(small, tmp_path, "kwd").rejected == 0
    assert deal(small).deal.amount == Money(Decimal("1000.505"), "KWD")
