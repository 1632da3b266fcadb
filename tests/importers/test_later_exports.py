"""Exports that follow one another: what an earlier or a later one says otherwise is never lost in silence."""

from datetime import date
from pathlib import Path

import pytest

from domain.opportunity import Lost, Won
from infra.application.app import App
from infra.importers.mapping.file import load
from infra.importers.runner import Summary
from tests.importers.bringing import bring, reasons, tags, told
from tests.importers.test_cases import CASES, deal, edited, euros
from tests.importers.test_mutations import HUBSPOT

HEADER = "Id,Created,Changed,StageSince,Stage,Amount,Owner,Closed,Why\n"
OPEN = "D-1,2026-01-05 09:00,{changed},{since},{stage},{amount},{owner},,\n"
ENDED = "D-1,2026-01-05 09:00,,,{stage},100,Ann,{closed},{why}\n"
RULES = CASES / "newer-export-stage" / "deals-won.toml"


def brought(app: App, tmp_path: Path, row: str, day: date) -> Summary:
    rules = RULES.read_text().replace("[columns]", 'Lost = { to = "lost", through = "discovery" }\n[columns]')
    (tmp_path / "rules.toml").write_text(f'{rules}lost_reason = "Why"\n')
    (tmp_path / "deals.csv").write_text(HEADER + row)
    mapping = tmp_path / "rules.toml"
    return bring(app, "csv", tmp_path / "deals.csv", tmp_path / "rejects.csv", mapping=mapping, snapshot=day)


def stands(stage: str, amount: int, owner: str, changed: str = "", since: str = "") -> str:
    return OPEN.format(stage=stage, amount=amount, owner=owner, changed=changed, since=since)


def ended(stage: str, closed: str, why: str = "") -> str:
    return ENDED.format(stage=stage, closed=closed, why=why)


JANUARY, MARCH = date(2026, 1, 31), date(2026, 3, 31)


def test_an_older_export_after_a_newer_one_takes_nothing_back(small: App, tmp_path: Path) -> None:
    newer, older = stands("Proposal", 150, "Bob"), stands("Discovery", 100, "Ann", "2026-01-20 10:00")
    assert brought(small, tmp_path, newer, MARCH).imported == 1
    summary = brought(small, tmp_path, older, JANUARY)
    assert (summary.facts, summary.rejected) == (0, 1)
    assert reasons(tmp_path / "rejects.csv") == [
        ("2", "D-1", "an export of 2026-03-31 told of it, and this one is of 2026-01-31 (snapshot_date)")
    ]
    assert (deal(small).deal.progress.stage, deal(small).deal.amount) == ("proposal", euros(150))
    assert brought(small, tmp_path, newer.replace("Bob", "Cid"), date(2026, 4, 30)).imported == 1


def test_an_older_export_of_leads_after_a_newer_one_takes_nothing_back(small: App, tmp_path: Path) -> None:
    case = edited(tmp_path, "leads-then-deals", ("L-1,", "L-9,"))
    rules = {"mapping": case / "leads.toml"}
    assert bring(small, "csv", case / "leads.csv", tmp_path / "r.csv", snapshot=MARCH, **rules).imported == 2
    text = (case / "leads.csv").read_text().replace("Birch", "Birch Ltd")
    (case / "older.csv").write_text(text)
    summary = bring(small, "csv", case / "older.csv", tmp_path / "r.csv", snapshot=JANUARY, **rules)
    assert (summary.facts, summary.rejected, summary.unchanged) == (0, 1, 1)


def test_an_older_export_without_history_takes_nothing_back_in_other_formats(small: App, tmp_path: Path) -> None:
    folder, day = tmp_path / "export", date(2026, 6, 30)
    folder.mkdir()
    for name, text in HUBSPOT.items():
        if name not in ("deal_property_history.csv", "merged_deal.csv"):
            (folder / name).write_text(text)
    assert bring(small, "hubspot", folder, tmp_path / "rejects.csv", snapshot=day).imported == 2
    deals = folder / "deal.csv"
    deals.write_text(deals.read_text().replace("new,default,7,5", "new,default,7,4"))
    for before in (MARCH, JANUARY):
        summary = bring(small, "hubspot", folder, tmp_path / "rejects.csv", snapshot=before)
        assert (summary.facts, summary.left_out, summary.unchanged) == (0, 1, 1)
    assert tags(small, "opportunity-hubspot-1") == ["opportunity-opened"]
    assert reasons(tmp_path / "rejects.csv")[0][2].startswith("left out: an export of 2026-06-30 told of it")
    assert bring(small, "hubspot", folder, tmp_path / "rejects.csv", snapshot=date(2026, 7, 31)).facts == 1


def test_deals_come_in_after_a_newer_export_of_the_leads_that_became_them(small: App, tmp_path: Path) -> None:
    case = edited(tmp_path, "leads-then-deals")
    for name, day in (("leads", date(2026, 6, 30)), ("deals", date(2026, 2, 28))):
        rules = {"mapping": case / f"{name}.toml", "snapshot": day}
        assert bring(small, "csv", case / f"{name}.csv", tmp_path / "r.csv", **rules).rejected == 0
    assert isinstance(deal(small), Won)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (
            ended("Won", "2026-01-20 10:00"),
            ended("Won", "2025-12-20 10:00").replace("2026-01-05", "2025-12-05"),
            "the export says won at 2025-12-20 10:00Z, recorded is 2026-01-20 10:00Z: correct it by hand",
        ),
        (
            ended("Won", "2026-01-20"),
            ended("Won", "2026-01-21"),
            "the export says won at 2026-01-21 23:59Z, recorded is 2026-01-20 23:59Z: correct it by hand",
        ),
        (
            ended("Lost", "2026-01-20", "price"),
            ended("Lost", "2026-01-20", "competitor"),
            "the export says lost for competitor, recorded is price: correct it by hand",
        ),
        (
            stands("Discovery", 100, "Ann"),
            stands("Discovery", 100, "Ann").replace("2026-01-05", "2025-12-05"),
            "left out: opened_at: the export says 2025-12-05 09:00Z, recorded is 2026-01-05 09:00Z: correct it by hand",
        ),
    ],
)
def test_a_newer_export_that_denies_what_is_recorded_says_so(
    small: App, tmp_path: Path, before: str, after: str, reason: str
) -> None:
    brought(small, tmp_path, before, JANUARY)
    assert brought(small, tmp_path, after, MARCH).facts == 0
    assert [why for _, _, why in reasons(tmp_path / "rejects.csv")][:1] == [reason]


@pytest.mark.parametrize(("before", "after"), [("2026-01-20", "2026-01-20 15:00"), ("2026-01-20 15:00", "2026-01-20")])
def test_a_day_and_a_time_on_it_are_no_two_ends(small: App, tmp_path: Path, before: str, after: str) -> None:
    brought(small, tmp_path, ended("Won", before), JANUARY)
    assert brought(small, tmp_path, ended("Won", after), MARCH).unchanged == 1


@pytest.mark.parametrize(
    ("changed", "since", "column"), [("2026-04-01 10:00", "", "Changed"), ("", "2026-04-01", "StageSince")]
)
def test_what_had_not_come_when_the_export_was_made_rejects_its_row(
    small: App, tmp_path: Path, changed: str, since: str, column: str
) -> None:
    assert brought(small, tmp_path, stands("Discovery", 100, "Ann", changed, since), MARCH).rejected == 1
    assert reasons(tmp_path / "rejects.csv")[0][2].startswith(f"{column}: 2026-04-01")


def test_a_deal_has_one_lead_in_whatever_order_they_come(small: App, tmp_path: Path) -> None:
    again = "L-2,2026-01-06 09:00,web,Converted,2026-01-21 10:00,D-1,Birch"
    case = edited(tmp_path, "leads-then-deals", ("L-2,2026-01-06 09:00,web,Open,,,Birch", again))
    for name in ("deals", "leads"):
        rules = {"mapping": case / f"{name}.toml", "snapshot": date(2026, 6, 30)}
        summary = bring(small, "csv", case / f"{name}.csv", tmp_path / "rejects.csv", **rules)
    assert (summary.imported, summary.rejected) == (1, 1)
    assert reasons(tmp_path / "rejects.csv") == [
        ("3", "L-2", "convert-lead: another lead, lead-ex-L-1, became opportunity-ex-D-1")
    ]
    assert (deal(small).deal.opened.lead, deal(small).deal.opened.source) == ("lead-ex-L-1", "fair")


OPENED = "Deal,When,What,To\nD-1,2026-01-05 10:00,Created,\nD-1,2026-01-05 10:00,Stage,Discovery\n"
OPENED += "D-1,2026-01-05 10:00,Amount,100\n"


def changed(app: App, tmp_path: Path, rows: str) -> Summary:
    rules = (CASES / "amount-after-win" / "changes.toml").read_text()
    (tmp_path / "rules.toml").write_text(f'{rules}Why = "lost_reason"\n')
    assert load(tmp_path / "rules.toml").form == "changes"
    (tmp_path / "changes.csv").write_text(rows)
    rules = {"mapping": tmp_path / "rules.toml", "snapshot": date(2026, 6, 30)}
    return bring(app, "csv", tmp_path / "changes.csv", tmp_path / "rejects.csv", **rules)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (
            "D-1,2026-03-01 10:00,Stage,Won\nD-1,2026-03-05 10:00,Stage,Lost\n",
            ["opportunity-won", "opportunity-reopened", "opportunity-lost"],
        ),
        (
            "D-1,2026-03-01 10:00,Stage,Lost\nD-1,2026-03-05 10:00,Stage,Won\nD-1,2026-03-06 10:00,Stage,Lost\n",
            ["opportunity-lost", "opportunity-reopened", "opportunity-won", "opportunity-reopened", "opportunity-lost"],
        ),
    ],
)
def test_a_closed_deal_that_ended_otherwise_was_opened_again(
    small: App, tmp_path: Path, rows: str, expected: list[str]
) -> None:
    assert changed(small, tmp_path, OPENED + rows).rejected == 0
    assert tags(small, "opportunity-ex-D-1")[1:] == expected
    assert changed(small, tmp_path, OPENED + rows).facts == 0
    assert isinstance(deal(small), Lost)


def test_changes_that_come_after_a_win_in_a_file_of_their_own_open_the_deal_again(small: App, tmp_path: Path) -> None:
    changed(small, tmp_path, f"{OPENED}D-1,2026-03-01 10:00,Stage,Won\n")
    header = OPENED.partition("\n")[0]
    assert changed(small, tmp_path, f"{header}\nD-1,2026-04-01 10:00,Stage,Proposal\n").rejected == 0
    assert tags(small, "opportunity-ex-D-1")[1:] == ["opportunity-won", "opportunity-reopened"]
    assert deal(small).deal.progress.stage == "proposal"


def test_a_reason_that_is_told_before_the_loss_does_not_lose_the_deal(small: App, tmp_path: Path) -> None:
    rows = "D-1,2026-03-09 10:00,Why,price\nD-1,2026-03-10 10:00,Stage,Lost\n"
    assert changed(small, tmp_path, OPENED + rows).rejected == 0
    [_, (at, _, lost)] = told(small, "opportunity-ex-D-1")
    assert (at, lost.reason) == ("2026-03-10 10:00:00", "price")


def test_what_is_told_before_the_opening_does_not_take_the_place_of_what_the_opening_tells(
    small: App, tmp_path: Path
) -> None:
    assert changed(small, tmp_path, f"{OPENED}D-1,2026-01-04 10:00,Amount,50\n").rejected == 1
    [(line, _, reason)] = reasons(tmp_path / "rejects.csv")
    assert (line, reason) == (
        "5",
        "When: 2026-01-04 10:00 is before 2026-01-05 10:00, the opening, whose amount is another",
    )
    assert deal(small).deal.amount == euros(100)
