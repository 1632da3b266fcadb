"""HubSpot's tables come in with every reject explained, come in once, and each merged deal counts once."""

import csv
import shutil
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain import opportunity
from domain.errors import Malformed, NotFound
from domain.money import Money
from domain.recorded import instant
from infra.application.app import App
from infra.importers import hubspot
from infra.importers.runner import Summary
from tests.importers.published import folder
from tests.importers.tables import facts, imported, rejects, rows, tags, written

SEEDS = "fivetran_hubspot_seeds"


def run(app: App, path: Path, tmp_path: Path, **options: Any) -> Summary:
    return imported(app, hubspot.read, path, tmp_path, **options)


def state(app: App, deal: str) -> Any:
    return app.dispatcher().history(f"opportunity-hubspot-{deal}").state


def kinds(app: App) -> Counter[str]:
    """How many deals are in which state."""
    streams = {fact.stream for fact in facts(app) if fact.stream.startswith("opportunity-")}
    return Counter(type(app.dispatcher().history(stream).state).__name__ for stream in streams)


@pytest.mark.published
def test_the_seeds_come_in_with_every_reject_explained_and_come_in_once(app: App, tmp_path: Path) -> None:
    path = folder(SEEDS)
    deals = {row["deal_id"] for row in rows(path / "deal_data.csv")}
    deleted = [row for row in rows(path / "deal_pipeline_stage_data.csv") if row["_fivetran_deleted"] == "TRUE"]
    linked = {row["engagement_id"]: row["deal_id"] for row in rows(path / "engagement_deal_data.csv")}
    expected = Counter[str]()
    for table in ("deal_property_history", "deal_stage", "deal_company", "engagement_deal"):
        name = f"{table}_data.csv"
        expected[name] = sum(row["deal_id"] not in deals for row in rows(path / name))
    for kind in ("call", "communication", "email", "meeting", "note", "task"):
        name = f"engagement_{kind}_data.csv"
        expected[name] = sum(linked.get(row["engagement_id"]) not in deals for row in rows(path / name))
    merged = rows(path / "merged_deal_data.csv")
    expected["merged_deal_data.csv"] = sum(row["merged_deal_id"] not in deals for row in merged)
    assert (len(deals), len(deleted), sum(expected.values())) == (44, 2, 237)

    summary = run(app, path, tmp_path)
    assert (summary.imported, summary.unchanged, summary.rejected) == (44 + 2, 0, 237)
    assert Counter(row["file"] for row in rejects(tmp_path)) == expected
    assert all(row["reason"] and int(row["line"]) > 1 for row in rejects(tmp_path))
    assert kinds(app) == {"Open": 44}
    head = app.log.head()
    again = run(app, path, tmp_path)
    assert (again.imported, again.unchanged, again.rejected, again.facts) == (0, 46, 237, 0)
    assert app.log.head() == head


@pytest.mark.published
def test_the_stages_of_the_seeds_meet_their_pipelines_by_digest(small: App, tmp_path: Path) -> None:
    path = folder(SEEDS)
    run(small, path, tmp_path)
    published = rows(path / "deal_pipeline_stage_data.csv")
    held = small.dispatcher()
    found = [held.history(f"process-hubspot-{name}").state for name in SEED_PIPELINES]
    stages = [stage for process in found for stage in process.versions[1] if "not in the export" not in stage.name]
    assert (len(stages), len({stage.id for stage in stages})) == (len(published), len(published))
    assert sum(stage.kind == "won" for stage in stages) == sum(row["closed_won"] == "TRUE" for row in published)
    assert sum(len(process.retired) for process in found) == 2
    opened_in = {fact.event.stage for fact in facts(small) if fact.tag == "opportunity-opened"}
    [first] = [row for row in published if row["label"] == "P0WrVl2tQ/YP8Dte+luubw=="]
    assert (first["display_order"], len(opened_in)) == ("0", 1)
    assert small.dispatcher().history("process-hubspot-default").state.version(1).first.name == first["label"]


SEED_PIPELINES = (
    "default", "mp-pipeline-archived", "mp-pipeline-monitoring", "mp-pipeline-operations", "mp-pipeline-sales",
    "mp-pipeline-service",
)  # fmt: skip


@pytest.mark.published
def test_deals_of_the_seeds_that_are_merged_count_once(small: App, tmp_path: Path) -> None:
    copy = tmp_path / "seeds"
    shutil.copytree(folder(SEEDS), copy, copy_function=shutil.copyfile)
    names = [row["deal_id"] for row in rows(copy / "deal_data.csv")]
    with (copy / "merged_deal_data.csv").open("a") as file:
        for survivor, gone in ((names[0], names[1]), (names[0], names[2]), (names[3], names[0])):
            file.write(f"\n{survivor},{gone},2023-06-22 11:37:07.210000")
    summary = run(small, copy, tmp_path)
    assert (summary.imported, summary.rejected) == (44 + 2 + 3, 237)
    assert kinds(small) == {"Open": 44 - 3, "Merged": 3}
    assert run(small, copy, tmp_path).facts == 0


PIPELINES = [{"pipeline_id": "default", "label": "Sales", "display_order": 0}]
STAGES = [
    {"stage_id": "new", "probability": "0.1", "display_order": 0},
    {"stage_id": "talk", "probability": "0.4", "display_order": 1},
    {"stage_id": "old", "probability": "0.5", "display_order": 2},
    {"stage_id": "offer", "probability": "0.8", "display_order": 3},
    {"stage_id": "closedwon", "probability": "1.0", "display_order": 4, "closed_won": "TRUE", "is_closed": "TRUE"},
    {"stage_id": "closedlost", "probability": "0.0", "display_order": 5, "is_closed": "TRUE"},
]


def export(path: Path, deals: list[dict[str, object]], deleted: str = "", **tables: list[dict[str, object]]) -> Path:
    """A small folder: one pipeline, with the stage of that id deleted, and deals created on 2024-01-02."""
    stages = [
        {"closed_won": "FALSE", "is_closed": "FALSE", "_fivetran_deleted": str(stage["stage_id"] == deleted)}
        | {"pipeline_id": "default", "label": str(stage["stage_id"]).title(), "_fivetran_synced": "2024-01-01 00:00:01"}
        | stage
        for stage in STAGES
    ]
    created = [{"property_createdate": "2024-01-02 08:00:00"} | deal for deal in deals]
    given = {"deal": created, "deal_pipeline": PIPELINES, "deal_pipeline_stage": stages} | tables
    return written(path, given, hubspot.TABLES)


def sets(deal: str, *told: tuple[str, str, object]) -> list[dict[str, object]]:
    return [{"deal_id": deal, "timestamp": at, "name": name, "value": value} for at, name, value in told]


def test_a_deal_goes_the_way_that_its_properties_went(small: App, tmp_path: Path) -> None:
    history = sets(
        "7",
        ("2024-01-02 08:00:00.120", "dealstage", "new"),
        ("2024-01-02 08:00:00.120", "amount", "1000"),
        ("2024-01-05 09:30:00", "dealstage", "offer"),
        ("2024-01-06 10:00:00", "amount", "1200.50"),
        ("2024-01-07 10:00:00", "closedate", "1706659200000"),
        ("2024-01-08T12:00:00+02:00", "dealstage", "talk"),
        ("2024-01-09 12:00:00", "hubspot_owner_id", "31"),
        ("2024-01-10 12:00:00", "dealstage", "closedwon"),
    )
    now: dict[str, object] = {
        "deal_id": "7", "deal_pipeline_stage_id": "closedwon", "property_amount": "1200.50", "owner_id": "31",
        "property_closedate": "1706659200000",
    }  # fmt: skip
    path = export(
        tmp_path / "crm", [now], deal_property_history=history,
        owner=[{"owner_id": "31", "first_name": "Ann", "last_name": "Lee"}],
        deal_company=[{"deal_id": "7", "company_id": "9"}], company=[{"id": "9", "property_name": "Isdom"}],
        engagement_call=[{"engagement_id": "c", "property_hs_timestamp": "2024-01-04 10:00:00"}],
        engagement_deal=[{"engagement_id": "c", "deal_id": "7"}],
    )  # fmt: skip
    summary = run(small, path, tmp_path)
    assert (summary.rejected, rejects(tmp_path)) == (0, [])
    told = [f for f in facts(small) if f.stream == "opportunity-hubspot-7"]
    assert [(f.tag, f"{instant(f.occurred_at):%m-%d %H:%M}") for f in told] == [
        ("opportunity-opened", "01-02 08:00"),
        ("stage-changed", "01-05 09:30"),
        ("amount-changed", "01-06 10:00"),
        ("close-date-changed", "01-07 10:00"),
        ("stage-changed", "01-08 10:00"),
        ("owner-changed", "01-09 12:00"),
        ("opportunity-won", "01-10 12:00"),
        ("activity-completed", "01-04 10:00"),
    ]
    won = state(small, "7")
    assert isinstance(won, opportunity.Won)
    assert (won.deal.amount, won.deal.opened.amount.amount) == (Money(Decimal("1200.50"), "USD"), 1000)
    assert (won.deal.terms.owner, won.deal.terms.account) == ("Ann Lee", "Isdom")
    assert won.deal.terms.close_date == date(2024, 1, 31)


@pytest.mark.parametrize("owner", ["wWpTIPpHVTDZWDw0/TVu9Q==", "c16a5320fa475530d9583c34fd356ef5"])
def test_who_is_known_by_digest_alone_is_met(owner: str, small: App, tmp_path: Path) -> None:
    path = export(
        tmp_path / "crm", [{"deal_id": "7", "deal_pipeline_stage_id": "new", "owner_id": owner}],
        owner=[{"owner_id": "31", "first_name": "Ann", "last_name": "Lee"}],
    )  # fmt: skip
    run(small, path, tmp_path)
    assert state(small, "7").deal.terms.owner == "Ann Lee"


def test_a_newer_export_appends_only_what_changed(small: App, tmp_path: Path) -> None:
    old = export(
        tmp_path / "old",
        [
            {"deal_id": "1", "deal_pipeline_stage_id": "new", "property_amount": "5"},
            {"deal_id": "2", "deal_pipeline_stage_id": "new", "property_amount": "5"},
            {"deal_id": "3", "deal_pipeline_stage_id": "new", "owner_id": "31"},
            {"deal_id": "4", "deal_pipeline_stage_id": "new"},
        ],
        deal_property_history=sets("4", ("2024-01-02 08:00:01", "dealstage", "new")),
    )
    new = export(
        tmp_path / "new",
        [
            {"deal_id": "1", "deal_pipeline_stage_id": "new", "property_amount": "5"},
            {"deal_id": "2", "deal_pipeline_stage_id": "closedwon", "property_amount": "7"}
            | {"property_closedate": "2024-02-01 10:00:00"},
            {"deal_id": "3", "deal_pipeline_stage_id": "offer", "owner_id": "31", "is_deleted": "true"},
            {"deal_id": "4", "deal_pipeline_stage_id": "talk", "property_amount": "9"},
        ],
        deal_property_history=sets(
            "4",
            ("2024-01-02 08:00:01", "dealstage", "new"),
            ("2024-02-01 08:00:01", "dealstage", "talk"),
            ("2024-02-01 09:00:01", "amount", "9"),
        ),
        owner=[{"owner_id": "31", "first_name": "Ann"}],
    )
    run(small, old, tmp_path, snapshot=date(2024, 1, 10))
    before = small.log.head()
    summary = run(small, new, tmp_path, snapshot=date(2024, 2, 10))
    assert (summary.imported, summary.unchanged, summary.rejected) == (6, 1, 0)
    assert {name: tags(small, f"opportunity-hubspot-{name}", before) for name in "1234"} == {
        "1": [],
        "2": ["amount-changed", "close-date-changed", "opportunity-won"],
        "3": ["opportunity-deleted"],
        "4": ["stage-changed", "amount-changed"],
    }
    assert run(small, new, tmp_path, snapshot=date(2024, 2, 10)).facts == 0
    assert run(small, new, tmp_path, snapshot=date(2024, 2, 20)).facts == 0


def merge(survivor: str, gone: str) -> dict[str, object]:
    return {"deal_id": survivor, "merged_deal_id": gone, "_fivetran_synced": "2024-03-01 00:00:00"}


def test_a_chain_of_merges_leaves_its_last_survivor_alone(small: App, tmp_path: Path) -> None:
    path = export(
        tmp_path / "crm",
        [{"deal_id": name, "deal_pipeline_stage_id": "new", "is_deleted": str(name in "AB")} for name in "ABCD"],
        merged_deal=[merge("C", "A"), merge("C", "B"), merge("B", "A")],
    )
    summary = run(small, path, tmp_path)
    assert (summary.rows, summary.imported, summary.rejected) == (7, 7, 0)
    assert kinds(small) == {"Merged": 2, "Open": 2}
    assert [state(small, name).survivor for name in "AB"] == ["opportunity-hubspot-B", "opportunity-hubspot-C"]
    assert run(small, path, tmp_path).facts == 0


def test_a_deal_that_is_merged_after_it_came_in_counts_no_more_even_where_the_export_has_lost_it(
    small: App, tmp_path: Path
) -> None:
    deals = [{"deal_id": name, "deal_pipeline_stage_id": "new"} for name in "AB"]
    run(small, export(tmp_path / "old", [*deals]), tmp_path)
    summary = run(small, export(tmp_path / "new", [deals[1]], merged_deal=[merge("B", "A")]), tmp_path)
    assert (summary.rejected, kinds(small)) == (0, {"Merged": 1, "Open": 1})


def test_a_won_deal_that_is_merged_is_opened_again_for_it_and_its_survivor_counts(small: App, tmp_path: Path) -> None:
    closed = {"deal_pipeline_stage_id": "closedwon", "property_amount": "9", "property_closedate": "2024-02-01"}
    path = export(
        tmp_path / "crm", [{"deal_id": "A"} | closed, {"deal_id": "B"} | closed], merged_deal=[merge("B", "A")]
    )
    assert run(small, path, tmp_path).rejected == 0
    assert tags(small, "opportunity-hubspot-A") == [
        "opportunity-opened", "opportunity-won", "opportunity-reopened", "opportunity-merged",
    ]  # fmt: skip
    assert kinds(small) == {"Merged": 1, "Won": 1}
    assert run(small, path, tmp_path).facts == 0


def test_merges_that_contradict_each_other_are_named(small: App, tmp_path: Path) -> None:
    path = export(
        tmp_path / "crm",
        [{"deal_id": name} for name in "ABCDE"],
        merged_deal=[merge("A", "B"), merge("B", "A"), merge("D", "C"), merge("E", "C")],
    )
    summary = run(small, path, tmp_path)
    assert (summary.rejected, kinds(small)) == (4, {"Open": 5})
    assert sorted(row["reason"] for row in rejects(tmp_path)) == [
        "merged_deal_id: A would survive its own merge, by way of others",
        "merged_deal_id: B would survive its own merge, by way of others",
        "merged_deal_id: C is merged into D and E; which one survives?",
    ]


def test_a_deleted_stage_keeps_who_went_through_it_and_lets_nobody_in(small: App, tmp_path: Path) -> None:
    deals = [{"deal_id": "A", "deal_pipeline_stage_id": "old"}, {"deal_id": "B", "deal_pipeline_stage_id": "offer"}]
    history = sets("B", ("2024-01-02 08:00:00", "dealstage", "old"), ("2024-01-03 08:00:00", "dealstage", "offer"))
    assert run(small, export(tmp_path / "a", [*deals], "old", deal_property_history=history), tmp_path).rejected == 0
    assert state(small, "A").deal.progress.stage == "old"
    process = small.dispatcher().history("process-hubspot-default").state
    assert process.retired == {"old": "offer"}
    newer = [{"deal_id": "A", "deal_pipeline_stage_id": "talk"}, {"deal_id": "C", "deal_pipeline_stage_id": "old"}]
    summary = run(small, export(tmp_path / "b", [*newer], "old"), tmp_path, snapshot=date(2024, 2, 1))
    assert state(small, "A").deal.progress.stage == "talk"
    [refused] = rejects(tmp_path)
    assert (summary.rejected, refused["id"]) == (1, "C")
    assert "old is retired in favour of offer" in refused["reason"]


def test_a_stage_that_comes_later_is_a_new_version_for_those_who_enter_it(small: App, tmp_path: Path) -> None:
    deals = [{"deal_id": "A", "deal_pipeline_stage_id": "new"}]
    run(small, export(tmp_path / "old", [*deals]), tmp_path)
    path = export(tmp_path / "new", [{"deal_id": "A", "deal_pipeline_stage_id": "trial"}])
    with (path / "deal_pipeline_stage.csv").open() as file:
        stages = list(csv.DictReader(file))
    written(path, {"deal_pipeline_stage": [*stages, stages[1] | {"stage_id": "trial"}]}, hubspot.TABLES)
    before = small.log.head()
    summary = run(small, path, tmp_path, snapshot=date(2024, 2, 1))
    assert summary.rejected == 0
    assert tags(small, "opportunity-hubspot-A", before) == ["pipeline-changed", "stage-changed"]


def test_rows_that_cannot_come_in_are_listed_with_line_and_reason(small: App, tmp_path: Path) -> None:
    path = export(
        tmp_path / "crm",
        [
            {"deal_id": "A", "property_amount": "many"},
            {"deal_id": "B", "deal_pipeline_stage_id": "nowhere"},
            {"deal_id": "C", "property_createdate": "soon"},
            {"deal_id": "D"},
            {"deal_id": "D"},
            {"deal_id": ""},
            {"deal_id": "E", "deal_pipeline_id": "other"},
            {"deal_id": "F", "property_createdate": "2031-01-01 00:00:00"},
            {"deal_id": "G", "property_amount": "-1"},
            {"deal_id": "H"},
        ],
        engagement_note=[{"engagement_id": "n", "property_hs_timestamp": "2024-01-03 00:00:00"}],
        engagement_deal=[{"engagement_id": "n", "deal_id": "A"}],
        deal_property_history=sets("Z", ("2024-01-02 08:00:00", "amount", "1")),
        deal_company=[{"deal_id": "D", "company_id": "9"}],
    )
    summary = run(small, path, tmp_path, snapshot=date(2024, 5, 1))
    assert (summary.imported, summary.rejected) == (1, 13)
    assert [(row["file"], row["line"], row["reason"].partition(":")[0]) for row in rejects(tmp_path)] == [
        ("deal.csv", "2", "amount"),
        ("deal_property_history.csv", "2", "deal_id"),
        ("deal_company.csv", "2", "deal_id"),
        ("engagement_note.csv", "2", "engagement_id"),
        ("engagement_deal.csv", "2", "deal_id"),
        ("deal.csv", "3", "dealstage"),
        ("deal.csv", "4", "property_createdate"),
        ("deal.csv", "5", "deal_id"),
        ("deal.csv", "6", "deal_id"),
        ("deal.csv", "7", "deal_id"),
        ("deal.csv", "8", "deal_pipeline_id"),
        ("deal.csv", "9", "property_createdate"),
        ("deal.csv", "10", "amount.amount"),
    ]


def test_dates_that_can_be_read_in_two_ways_are_refused_until_one_is_chosen(small: App, tmp_path: Path) -> None:
    path = export(tmp_path / "crm", [{"deal_id": "A", "property_createdate": "01/02/2024 8:00"}])
    stages = [row | {"_fivetran_synced": ""} for row in rows(path / "deal_pipeline_stage.csv")]
    written(path, {"deal_pipeline_stage": stages}, hubspot.TABLES)
    with pytest.raises(Malformed, match=r"2024-01-02 \(M/D/YYYY\) or 2024-02-01 \(D/M/YYYY\)"):
        hubspot.read(path, "import:test")
    assert run(small, path, tmp_path, form="%d/%m/%Y").rejected == 0
    [opening] = [fact for fact in facts(small) if fact.tag == "opportunity-opened"]
    assert instant(opening.occurred_at) == datetime(2024, 2, 1, 8, tzinfo=UTC)


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no such file"):
        hubspot.read(tmp_path / "nowhere", "import:test")
    path = export(tmp_path / "crm", [])
    (path / "deal.csv").write_text("deal_id,owner_id\n")
    with pytest.raises(Malformed, match=r"deal\.csv: the column deal_pipeline_id"):
        hubspot.read(path, "import:test")
