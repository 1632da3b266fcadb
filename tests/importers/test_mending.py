"""A mapping that was mended says what it changes of rows that are in already, and corrects them where it is told to."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.money import Money
from domain.opportunity import Won
from domain.opportunity.terms import ChangeOwner
from domain.recorded import Request
from infra.application.app import App
from infra.importers import formats
from infra.importers.runner import Import
from tests.importers.test_cases import CASES, deal, edited

JUNE = date(2026, 6, 30)


def run(app: App, file: Path, mapping: Path, tmp_path: Path, **options: bool) -> Import:
    export = formats.read("csv", file, "import:csv", mapping=mapping, snapshot=JUNE)
    with app.bulk() as dispatcher:
        found = Import(dispatcher, export, "import:csv", tmp_path / "rejects.csv", **options)
        found.run(lambda _: None)
    return found


def mended(mapping: Path, *changes: tuple[str, str]) -> Path:
    text = mapping.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file = mapping.with_name("mended.toml")
    file.write_text(text)
    return file


def test_a_mended_mapping_of_records_says_what_it_changes_and_applies_it_once(app: App, tmp_path: Path) -> None:
    case = edited(tmp_path, "leads-then-deals")
    file, first = case / "deals.csv", case / "deals.toml"
    assert run(app, file, first, tmp_path).summary.imported == 1
    better = mended(first, ('through = "proposal"', 'through = "discovery"'))
    said = run(app, file, better, tmp_path)
    assert (said.summary.facts, said.summary.unchanged, said.summary.mended) == (0, 1, 1)
    assert [change for _, change in said.first_mendings] == ["opportunity-opened: stage 'proposal' becomes 'discovery'"]
    applied = run(app, file, better, tmp_path, correct=True)
    assert (applied.summary.facts, applied.summary.imported) == (1, 1)
    assert deal(app).deal.opened.stage == "discovery"
    assert isinstance(deal(app), Won)
    again = run(app, file, better, tmp_path, correct=True)
    assert (again.summary.facts, again.summary.mended) == (0, 0)


def test_a_mended_mapping_of_changes_corrects_what_they_led_to(small: App, tmp_path: Path) -> None:
    case = edited(tmp_path, "leads-then-deals")
    file, first = case / "changes.csv", case / "changes.toml"
    run(small, file, first, tmp_path)
    assert isinstance(deal(small), Won)
    better = mended(first, ('Won = "won"', 'Won = "lost"'))
    said = run(small, file, better, tmp_path)
    assert {change.partition(":")[0] for _, change in said.first_mendings} == {
        "opportunity-lost is new", "opportunity-won should not be there",
    }  # fmt: skip
    assert run(small, file, better, tmp_path, correct=True).summary.rejected == 0
    assert type(deal(small)).__name__ == "Lost"


def test_a_mended_mapping_leaves_alone_what_people_did_since(small: App, tmp_path: Path) -> None:
    case = edited(tmp_path, "newer-export-stage")
    file, first = case / "jan.csv", case / "deals.toml"
    run(small, file, first, tmp_path)

    def ask(command: Any) -> None:
        small.dispatcher().execute(Request(stream="opportunity-ex-D-1", command=command, actor="ann"))

    ask(ChangeOwner("Dan"))
    better = mended(first, ('currency = "EUR"', 'currency = "USD"'))
    assert run(small, file, better, tmp_path, correct=True).summary.mended == 1
    assert deal(small).deal.amount == Money(Decimal(100), "USD")
    assert deal(small).deal.terms.owner == "Dan"


def test_the_same_mapping_again_mends_nothing(small: App, tmp_path: Path) -> None:
    for file in ("leads", "deals"):
        case = CASES / "leads-then-deals"
        run(small, case / f"{file}.csv", case / f"{file}.toml", tmp_path)
    for file in ("leads", "deals"):
        found = run(small, case / f"{file}.csv", case / f"{file}.toml", tmp_path, correct=True)
        assert (found.summary.mended, found.summary.facts) == (0, 0)


@pytest.mark.parametrize("correct", [False, True])
def test_a_column_that_is_mapped_later_blocks_no_update(small: App, tmp_path: Path, correct: bool) -> None:
    case = edited(tmp_path, "newer-export-stage")
    run(small, case / "jan.csv", mended(case / "deals.toml", ('owner = "Owner"\n', "")), tmp_path)
    newer = case / "mar.csv"
    newer.write_text(
        "Id,Created,Changed,StageSince,Stage,Amount,Owner,Plan\n"
        "D-1,2026-01-05 09:00,2026-03-20 10:00,2026-03-18 08:00,Proposal,150,Bob,Team\n"
    )
    wider = mended(case / "deals.toml", ('owner = "Owner"', 'owner = "Owner"\nproduct = "Plan"'))
    assert run(small, newer, wider, tmp_path, correct=correct).summary.rejected == 0
    found = deal(small).deal
    assert (found.opened.product, found.terms.owner, found.progress.stage) == ("Team", "Bob", "proposal")
