"""Salesforce's tables come in with every reject explained, come in once, and a newer export adds what changed."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain import opportunity
from domain.errors import Malformed, NotFound
from domain.money import Money
from domain.recorded import instant
from infra.application.app import App
from infra.importers import salesforce
from infra.importers.runner import Summary
from tests.importers.published import folder
from tests.importers.tables import facts, imported, rejects, rows, tags, written

SEEDS = "fivetran_salesforce_seeds"


def run(app: App, path: Path, tmp_path: Path, **options: Any) -> Summary:
    return imported(app, salesforce.read, path, tmp_path, **options)


def state(app: App, deal: str) -> Any:
    return app.dispatcher().history(f"opportunity-salesforce-{deal}").state


@pytest.mark.published
def test_the_seeds_come_in_with_every_reject_explained_and_come_in_once(app: App, tmp_path: Path) -> None:
    path = folder(SEEDS)
    deals = rows(path / "sf_opportunity_data.csv")
    history = Counter(row["id"] for row in rows(path / "sf_opportunity_history_data.csv"))
    sane = {row["id"]: row for row in deals if 0 <= int(row["probability"]) <= 100}
    known = {row["id"] for row in deals} | {row["id"] for row in rows(path / "sf_lead_data.csv")}
    strangers = {
        f"sf_{table}_data.csv": sum(not {row["what_id"], row["who_id"]} & known for row in rows(path / file))
        for table, file in (("task", "sf_task_data.csv"), ("event", "sf_event_data.csv"))
    }
    lines = rows(path / "sf_opportunity_line_item_data.csv")
    strangers["sf_opportunity_line_item_data.csv"] = sum(row["opportunity_id"] not in known for row in lines)
    assert (len(deals), len(sane), set(history.values()), set(strangers.values())) == (10, 9, {1}, {10})

    summary = run(app, path, tmp_path)
    assert (summary.imported, summary.unchanged, summary.rejected) == (9 + 9 + 1, 0, 30 + 2)
    listed = rejects(tmp_path)
    assert Counter(row["file"] for row in listed) == strangers | {"sf_opportunity_data.csv": 1}
    [insane] = [row for row in listed if row["file"] == "sf_opportunity_data.csv"]
    assert (insane["line"], insane["reason"]) == ("2", "probability: 1000 is not from 0 to 100 percent")

    before = [state(app, name).before for name in sane]
    outcomes = Counter(type(deal).__name__ for deal in before)
    assert outcomes["Won"] == sum(row["is_won"] == "true" for row in sane.values())
    assert outcomes["Lost"] == sum(row["is_closed"] == "true" and row["is_won"] == "false" for row in sane.values())
    assert outcomes["Open"] == sum(row["is_closed"] == "false" for row in sane.values())
    assert all(isinstance(state(app, name), opportunity.Deleted) for name in sane)  # as is_deleted says of all ten
    assert sum(deal.deal.amount.amount for deal in before) == sum(int(row["amount"] or 0) for row in sane.values())
    head = app.log.head()
    again = run(app, path, tmp_path)
    assert (again.imported, again.unchanged, again.rejected, again.facts) == (0, 19, 32, 0)
    assert app.log.head() == head


@pytest.mark.published
def test_the_seeds_keep_their_original_times(small: App, tmp_path: Path) -> None:
    path = folder(SEEDS)
    run(small, path, tmp_path)
    deals = {f"opportunity-salesforce-{row['id']}": row for row in rows(path / "sf_opportunity_data.csv")}
    for fact in facts(small):
        when = instant(fact.occurred_at)
        if fact.tag == "opportunity-opened":
            assert f"{when:%Y-%m-%d %H:%M:%S}" == deals[fact.stream]["created_date"]
        elif fact.tag in ("opportunity-won", "opportunity-lost"):
            created = datetime.fromisoformat(deals[fact.stream]["created_date"]).replace(tzinfo=UTC)
            closed = datetime.fromisoformat(deals[fact.stream]["close_date"]).replace(tzinfo=UTC) + timedelta(days=1)
            assert when == max(created, closed - timedelta(microseconds=1))


@pytest.mark.published
def test_the_seeds_name_accounts_and_owners_that_they_know_by_digest_alone(small: App, tmp_path: Path) -> None:
    run(small, folder(SEEDS), tmp_path)
    deals = [fact.event for fact in facts(small) if fact.tag == "opportunity-opened"]
    known = {row["name"] for row in rows(folder(SEEDS) / "sf_account_data.csv")}
    assert sum(deal.account in known for deal in deals) == 3
    assert {state(small, "006q000000HcZXrAAN").deal.terms.owner} <= {
        row["name"] for row in rows(folder(SEEDS) / "sf_user_data.csv")
    }


NEW = {"stage_name": "New", "is_closed": "false", "is_won": "false", "probability": "10"}
OFFER = {"stage_name": "Offer", "is_closed": "false", "is_won": "false", "probability": "60"}
WON = {"stage_name": "Closed Won", "is_closed": "true", "is_won": "true", "probability": "100"}
LOST = {"stage_name": "Dropped", "is_closed": "true", "is_won": "false", "probability": "0"}
Cells = dict[str, object]


def deal(name: str, stage: dict[str, str], **cells: object) -> Cells:
    """An opportunity created on 2024-01-02, expected to close by the end of March."""
    return {"id": name, "created_date": "2024-01-02 08:00:00", "close_date": "2024-03-31 00:00:00"} | stage | cells


def was(at: str, name: str, stage: dict[str, str], **cells: object) -> Cells:
    return deal(name, stage, **cells) | {"_fivetran_start": at}


def export(path: Path, deals: list[Cells], **tables: list[Cells]) -> Path:
    """A small folder; two opportunities more make its stages known."""
    known = [deal("x", NEW), deal("y", OFFER, forecast_category="BestCase")]
    return written(path, {"opportunity": [*known, *deals]} | tables, salesforce.TABLES)


def test_an_opportunity_goes_the_way_that_its_history_went(small: App, tmp_path: Path) -> None:
    history = [
        was("2024-01-02 08:00:05", "A", NEW, amount="100", owner_id="u"),
        was("2024-01-20 10:00:00", "A", WON, amount="130", owner_id="u", close_date="2024-01-20"),
        was("2024-01-05 09:00:00", "A", OFFER, amount="100", probability="75"),
        was("2024-01-06 09:00:00", "A", OFFER, amount="130", probability="60", close_date="2024-02-29"),
        was("2024-02-01 10:00:00", "A", NEW, amount="130", close_date="2024-02-29"),
        was("2024-02-03 10:00:00", "A", LOST, amount="130", close_date="2024-02-03"),
    ]
    path = export(
        tmp_path / "crm",
        [deal("A", LOST, amount="130", close_date="2024-02-03", account_id="a")],
        opportunity_history=history,
        account=[{"id": "a", "name": "Isdom Ltd", "master_record_id": "b"}, {"id": "b", "name": "Isdom"}],
        user=[{"id": "u", "name": "Ann Lee"}],
        task=[
            {"id": "t", "what_id": "A", "is_closed": "true", "created_date": "2024-01-03 08:00:00", "type": "Call"}
            | {"completed_date_time": "2024-01-04 08:00:00"}
        ],
    )
    summary = run(small, path, tmp_path, snapshot=date(2024, 3, 1))
    assert (summary.rejected, rejects(tmp_path)) == (0, [])
    told = [fact for fact in facts(small) if fact.stream == "opportunity-salesforce-A"]
    assert [(fact.tag, f"{instant(fact.occurred_at):%m-%d %H:%M}") for fact in told] == [
        ("opportunity-opened", "01-02 08:00"),
        ("stage-changed", "01-05 09:00"),
        ("probability-overridden", "01-05 09:00"),
        ("amount-changed", "01-06 09:00"),
        ("close-date-changed", "01-06 09:00"),
        ("probability-cleared", "01-06 09:00"),
        ("close-date-changed", "01-20 10:00"),
        ("opportunity-won", "01-20 10:00"),
        ("opportunity-reopened", "02-01 10:00"),
        ("close-date-changed", "02-01 10:00"),
        ("close-date-changed", "02-03 10:00"),
        ("opportunity-lost", "02-03 10:00"),
        ("activity-completed", "01-04 08:00"),
    ]
    [offer] = [
        stage
        for stage in small.dispatcher().history("process-salesforce").state.versions[1]
        if stage.name == OFFER["stage_name"]
    ]
    assert (offer.probability, offer.forecast_category) == (Decimal("0.6"), "best-case")
    lost = state(small, "A")
    assert isinstance(lost, opportunity.Lost)
    assert (lost.deal.amount.amount, lost.deal.terms.owner, lost.deal.progress.stage) == (130, "Ann Lee", "new")


def test_a_newer_export_appends_only_what_changed(small: App, tmp_path: Path) -> None:
    first = was("2024-01-02 08:00:05", "A", NEW, amount="100", owner_id="u", account_id="a")
    old = export(
        tmp_path / "old",
        [
            deal("A", NEW, amount="100", owner_id="u", account_id="a"),
            deal("B", NEW, amount="5"),
            deal("C", NEW, amount="5"),
            deal("D", WON, amount="5", close_date="2024-01-09"),
        ],
        opportunity_history=[first],
        user=[{"id": "u", "name": "Ann Lee"}],
    )
    new = export(
        tmp_path / "new",
        [
            deal("A", OFFER, amount="120", owner_id="u", account_id="a"),
            deal("B", WON, amount="7", close_date="2024-02-02"),
            deal("C", NEW, amount="5"),
            deal("D", WON, amount="6", close_date="2024-01-09"),
        ],
        opportunity_history=[first, was("2024-02-01 08:00:00", "A", OFFER, amount="120", owner_id="u", account_id="a")],
        user=[{"id": "u", "name": "Ann Roe"}],
    )
    run(small, old, tmp_path, snapshot=date(2024, 1, 10))
    before = small.log.head()
    summary = run(small, new, tmp_path, snapshot=date(2024, 2, 10))
    assert {name: tags(small, f"opportunity-salesforce-{name}", before) for name in "ABCD"} == {
        "A": ["owner-changed", "stage-changed", "amount-changed"],
        "B": ["amount-changed", "close-date-changed", "opportunity-won"],
        "C": [],
        "D": [],
    }
    [refused] = rejects(tmp_path)
    assert (refused["id"], summary.rejected) == ("D", 1)
    assert "the opportunity is won, 5.00 USD" in refused["reason"]
    assert run(small, new, tmp_path, snapshot=date(2024, 2, 10)).facts == 0
    assert run(small, new, tmp_path, snapshot=date(2024, 2, 20)).facts == 0


def lead(name: str, **cells: object) -> Cells:
    given = {"created_date": "2023-12-20 08:00:00", "last_modified_date": "2024-01-03 09:00:00", "company": "Isdom"}
    return {"id": name, "is_converted": "false", "email": f"{name}@example.org", "name": name} | given | cells


def test_leads_come_in_and_those_that_became_an_opportunity_open_it(small: App, tmp_path: Path) -> None:
    became: Cells = {"is_converted": "true", "converted_date": "2024-01-02", "converted_opportunity_id": "A"}
    path = export(
        tmp_path / "crm",
        [deal("A", OFFER, amount="100"), deal("B", OFFER, probability="1000")],
        opportunity_history=[
            was("2024-01-02 08:00:05", "A", NEW, amount="100"),
            was("2024-01-05 08:00:05", "A", OFFER, amount="100"),
        ],
        lead=[
            lead("l1", lead_source="Fair", **became),
            lead("l2", **became),
            lead("l3", **became | {"converted_opportunity_id": "B"}),
            lead("l4", **became | {"converted_opportunity_id": "Z"}),
            lead("l5", **became | {"converted_opportunity_id": ""}),
            lead("l6", status="Unqualified"),
            lead("l7", is_deleted="true"),
            lead("l8", is_deleted="true", master_record_id="l9"),
            lead("l9", status="Working"),
        ],
        event=[{"id": "e", "who_id": "l9", "created_date": "2023-12-21", "end_date_time": "2023-12-22 10:00:00"}],
    )
    summary = run(small, path, tmp_path, snapshot=date(2024, 3, 1))
    insane = "probability: 1000 is not from 0 to 100 percent"
    assert {row["id"]: row["reason"] for row in rejects(tmp_path)} == {
        "B": insane,
        "l2": "converted_opportunity_id: another lead became A already",
        "l3": f"converted_opportunity_id: the opportunity B cannot be imported: {insane}",
        "l4": "converted_opportunity_id: no opportunity of the export has the id 'Z'",
    }
    held = small.dispatcher()
    states = {n: type(held.history(f"lead-salesforce-l{n}").state).__name__ for n in range(1, 10)}
    assert states == {
        1: "Converted", 2: "NoneType", 3: "NoneType", 4: "NoneType", 5: "Qualified", 6: "Disqualified",
        7: "Disqualified", 8: "Merged", 9: "Working",
    }  # fmt: skip
    assert tags(small, "opportunity-salesforce-A")[0] == "opportunity-opened"
    assert tags(small, "opportunity-salesforce-A")[-1] == "stage-changed"
    assert state(small, "A").deal.opened.lead == "lead-salesforce-l1"
    assert (summary.rejected, run(small, path, tmp_path, snapshot=date(2024, 3, 1)).facts) == (4, 0)


def line(name: str, **cells: object) -> Cells:
    given = {"opportunity_id": "A", "quantity": "2", "unit_price": "50", "name": "GTX"}
    return {"id": name, "created_date": "2024-01-03 08:00:00"} | given | cells


def test_line_items_own_the_amount_from_the_first_one_on(small: App, tmp_path: Path) -> None:
    history = [
        was("2024-01-02 08:00:05", "A", NEW, amount="80"),
        was("2024-01-04 08:00:00", "A", NEW, amount="140"),
        was("2024-01-09 08:00:00", "A", WON, amount="140", close_date="2024-01-09"),
    ]
    path = export(
        tmp_path / "crm",
        [deal("A", WON, amount="140", close_date="2024-01-09"), deal("B", NEW)],
        opportunity_history=history,
        opportunity_line_item=[
            line("1"),
            line("2", unit_price="20", discount="50", last_modified_date="2024-02-01 08:00:00"),
            line("3", opportunity_id="B", quantity="none"),
            line("4", opportunity_id="Z"),
        ],
    )
    run(small, path, tmp_path, snapshot=date(2024, 3, 1))
    assert state(small, "A").deal.amount == Money(Decimal("120.00"), "USD")
    assert "amount-changed" not in tags(small, "opportunity-salesforce-A")
    assert {row["id"]: row["reason"] for row in rejects(tmp_path)} == {
        "B": "line item 3, line 4: quantity: 'none' is not a number",
        "4": "opportunity_id: no opportunity of the export has the id 'Z'",
    }


def test_what_is_deleted_and_what_is_restored_follows(small: App, tmp_path: Path) -> None:
    history = [
        was("2024-01-02 08:00:05", "A", NEW),
        was("2024-01-04 08:00:00", "A", NEW, is_deleted="true"),
        was("2024-01-04 09:00:00", "A", OFFER, is_deleted="true"),  # of what is deleted, nothing more is told
        was("2024-01-05 08:00:00", "A", NEW, is_deleted="false"),
        was("2024-01-06 08:00:00", "A", OFFER) | {"_fivetran_active": "false"},
    ]
    path = export(tmp_path / "crm", [deal("A", OFFER, is_deleted="true")], opportunity_history=history)
    run(small, path, tmp_path, snapshot=date(2024, 3, 1))
    assert tags(small, "opportunity-salesforce-A") == [
        "opportunity-opened", "opportunity-deleted", "opportunity-restored", "stage-changed", "opportunity-deleted",
    ]  # fmt: skip


def test_rows_that_cannot_come_in_are_listed_with_line_and_reason(small: App, tmp_path: Path) -> None:
    path = export(
        tmp_path / "crm",
        [
            deal("A", NEW, amount="many"),
            deal("B", NEW, is_won="true"),
            deal("C", NEW, is_closed="perhaps"),
            deal("D", NEW),
            deal("D", NEW),
            deal("E", NEW, created_date=""),
            deal("F", NEW, is_closed="true"),
            deal("G", WON, close_date=""),
            deal("H", NEW, currency_iso_code="euro"),
            deal("I", {**NEW, "stage_name": ""}),
        ],
        task=[
            {"id": "t", "what_id": "A", "created_date": "2024-01-03", "is_closed": "true"},
            {"id": "u", "what_id": "Z", "created_date": "2024-01-03", "is_closed": "true"},
        ],
    )
    summary = run(small, path, tmp_path)
    assert (summary.imported, summary.rejected) == (2, 12)
    assert [(row["line"], row["reason"].partition(":")[0]) for row in rejects(tmp_path)] == [
        ("2", "what_id, who_id"),
        ("3", "what_id, who_id"),
        ("4", "amount"),
        ("5", "is_won"),
        ("6", "is_closed"),
        ("7", "id"),
        ("8", "id"),
        ("9", "created_date"),
        ("10", "stage_name"),
        ("11", "close_date"),
        ("12", "amount.currency"),
        ("13", "stage_name"),
    ]


def test_stages_whose_names_would_be_one_id_are_named(tmp_path: Path) -> None:
    path = export(tmp_path / "crm", [deal("A", {**NEW, "stage_name": "NEW!"})])
    with pytest.raises(Malformed, match="the stages 'NEW!' and 'New' would both have the id new"):
        salesforce.read(path, "import:test")


def test_dates_that_can_be_read_in_two_ways_are_refused_until_one_is_chosen(small: App, tmp_path: Path) -> None:
    known = [deal(name, NEW, created_date="1/2/2024 8:00", close_date="") for name in "AB"]
    path = written(tmp_path / "crm", {"opportunity": known}, salesforce.TABLES)
    with pytest.raises(Malformed, match=r"2024-01-02 \(M/D/YYYY\) or 2024-02-01 \(D/M/YYYY\)"):
        salesforce.read(path, "import:test")
    assert run(small, path, tmp_path, form="%m/%d/%Y").rejected == 0


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no such file"):
        salesforce.read(tmp_path / "nowhere", "import:test")
