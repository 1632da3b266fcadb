"""The published Pipedrive tables come in with all their history, agree with the reference figures, and come in once."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from domain.errors import Malformed, NotFound
from domain.opportunity import Lost
from infra.application.app import App, opened
from infra.settings import Settings
from projections.query.question import Question
from tests.importers.bringing import bring, reasons, tags, told
from tests.importers.published import folder, oracles

DATA = "pipedrive_enpal"


def rows(name: str) -> list[dict[str, str]]:
    with (folder(DATA) / name).open() as file:
        return list(csv.DictReader(file))


@pytest.mark.published
def test_the_tables_agree_with_the_reference_figures_and_come_in_once(app: App, tmp_path: Path) -> None:
    known = oracles()["pipedrive"]
    summary = bring(app, "pipedrive", folder(DATA), tmp_path / "rejects.csv")
    assert summary.rows == known["rows"] + len(rows("activity.csv"))
    with app.views() as views:
        for mode, figures, column in (
            ("touched", "touched", "entered"),
            ("reached_or_beyond", "reached_or_beyond", "entered"),
            ("strict", "strict_all_previous", "entered"),
            ("adjacent", "adjacent_moves", "advanced"),
        ):
            records = views.ask("funnel", Question(mode=mode, pipeline="process-pipedrive")).records
            found = {record.stage: getattr(record, column) for record in records}
            assert {stage: found[stage] for stage in known[figures]} == known[figures], mode
        lost = views.ask("win-rate", Question(pipeline="process-pipedrive")).records
        assert sum(row.lost for row in lost) == known["deals"]
        assert sum(row.won for row in lost) == 0
    compare_rejects(reasons(tmp_path / "rejects.csv"))
    compare_owner_and_ending(app)
    before = app.log.head()
    again = bring(app, "pipedrive", folder(DATA), tmp_path / "rejects.csv")
    assert (again.imported, again.facts, again.rejected, app.log.head()) == (0, 0, summary.rejected, before)


def compare_rejects(rejected: list[tuple[str, str, str]]) -> None:
    """What stands twice under one id is rejected by name."""
    deals = {name for _, name, reason in rejected if "deals share the id" in reason and "add_time in lines" in reason}
    assert deals == set(oracles()["pipedrive"]["rejected_ids"])
    ids = Counter(row["activity_id"] for row in rows("activity.csv"))
    twice = {name for name, times in ids.items() if times > 1}
    assert {name for _, name, reason in rejected if "activities share the id" in reason} == twice
    assert len(twice) == 11


def compare_owner_and_ending(app: App) -> None:
    users = {row["id"]: row["name"] for row in rows("users.csv")}
    changes = [row for row in rows("deal_changes.csv") if row["deal_id"] == "881836"]
    owner = [row["new_value"] for row in changes if row["changed_field_key"] == "user_id"][-1]
    state = app.dispatcher().history("opportunity-pipedrive-881836").state
    assert isinstance(state, Lost)
    assert (state.deal.terms.owner, state.reason) == (users[owner], "duplicate-entry")
    assert (state.deal.amount.amount, state.deal.amount.currency) == (0, "EUR")


HEADER = "deal_id,change_time,changed_field_key,new_value\n"
PLANNED = "activity_id,type,assigned_to_user,deal_id,done,due_to\n"


def account(path: Path, *changes: str, activities: tuple[str, ...] = ()) -> Path:
    """A small account of the published form."""
    path.mkdir(exist_ok=True)
    (path / "stages.csv").write_text("stage_id,stage_name\n1,First\n2,Second\n3,Third\n")
    (path / "users.csv").write_text("id,name,email,modified\n7,Ann,a@x.org,\n8,Ann,b@x.org,\n9,Bob,c@x.org,\n")
    (path / "deal_changes.csv").write_text(HEADER + "".join(row + "\n" for row in changes))
    (path / "activity.csv").write_text(PLANNED + "".join(row + "\n" for row in activities))
    return path


OPENED = "5,2024-01-02 10:00:00,add_time,2024-01-02T10:00:00"
WAYS = {"1": (1, 2, 3), "2": (1, 3), "3": (1, 2), "4": (1, 2, 1, 2), "6": (2, 3)}
"""The stages that each deal goes through, a day each; all are lost in the end."""


def ways() -> list[str]:
    """The changes of those deals."""
    return [
        row
        for deal, stages in WAYS.items()
        for row in (
            f"{deal},2024-01-02 10:00:00,add_time,2024-01-02T10:00:00",
            *(f"{deal},2024-01-{day:02} 10:00:00,stage_id,{stage}" for day, stage in enumerate(stages, 3)),
            f"{deal},2024-02-01 10:00:00,lost_reason,2",
        )
    ]


def test_an_account_agrees_with_figures_counted_by_hand_names_its_doubles_and_comes_in_once(
    app: App, tmp_path: Path
) -> None:
    path = account(
        tmp_path / "crm", *ways(), OPENED, OPENED,
        activities=(
            "70,call,9,1,True,2024-01-08T09:00:00", "71,call,9,5,True,2024-01-08T09:00:00",
            "72,call,9,1,True,2024-01-08T09:00:00", "72,call,9,2,True,2024-01-08T09:00:00",
            "73,call,9,,True,2024-01-08T09:00:00",
        ),
    )  # fmt: skip
    options = '"[{""id"": ""1"", ""label"": ""Timing""},{""id"": ""2"", ""label"": ""Too dear""}]"'
    (path / "fields.csv").write_text(f"ID,FIELD_KEY,NAME,FIELD_VALUE_OPTIONS\n13,lost_reason,Lost reason,{options}\n")
    summary = bring(app, "pipedrive", path, tmp_path / "rejects.csv")
    assert summary.rows == len(ways()) + 2 + 5
    listed = {(line, name): reason for line, name, reason in reasons(tmp_path / "rejects.csv")}
    doubled = str(len(ways()) + 2)
    assert {key: reason.partition(" ")[2] for key, reason in listed.items()} == {
        (doubled, "5"): f"2 deals share the id 5 (add_time in lines {doubled} and {int(doubled) + 1})",
        ("3", "71"): "several deals share the id 5; whose is the activity?",
        ("4", "72"): "several activities share the id 72; which one took place?",
        ("5", "72"): "several activities share the id 72; which one took place?",
        ("6", "73"): "is empty",
    }
    with app.views() as views:
        for mode, column, expected in (
            ("touched", "entered", {"1": 4, "2": 4, "3": 3}),
            ("reached_or_beyond", "entered", {"1": 5, "2": 5, "3": 3}),
            ("adjacent", "advanced", {"1": 3, "2": 2}),
            ("strict", "entered", {"1": 4, "2": 3, "3": 1}),
        ):
            records = views.ask("funnel", Question(mode=mode, pipeline="process-pipedrive")).records
            held = {record.stage: getattr(record, column) for record in records}
            assert {stage: held[stage] for stage in expected} == expected, mode
        lost = views.ask("win-rate", Question(pipeline="process-pipedrive")).records
        assert (sum(row.lost for row in lost), sum(row.won for row in lost)) == (len(WAYS), 0)
    assert told(app, "opportunity-pipedrive-6")[-1][2].reason == "too-dear"
    before = app.log.head()
    again = bring(app, "pipedrive", path, tmp_path / "rejects.csv")
    assert (again.imported, again.facts, again.rejected, app.log.head()) == (0, 0, summary.rejected, before)


@pytest.mark.parametrize("options", ["none", '"[{""id"": ""1""}]"'])
def test_a_table_of_fields_that_cannot_be_read_is_named(options: str, small: App, tmp_path: Path) -> None:
    path = account(tmp_path / "crm", OPENED)
    (path / "fields.csv").write_text(f"ID,FIELD_KEY,NAME,FIELD_VALUE_OPTIONS\n13,lost_reason,Lost reason,{options}\n")
    with pytest.raises(Malformed, match=r"fields\.csv: line 2: FIELD_VALUE_OPTIONS"):
        bring(small, "pipedrive", path, tmp_path / "rejects.csv")


def test_rows_out_of_order_take_their_place_and_those_of_one_second_keep_the_order_of_the_file(
    app: App, tmp_path: Path
) -> None:
    path = account(
        tmp_path / "crm",
        "5,2024-01-09 10:00:00,stage_id,3",
        "5,2024-01-09 10:00:00,stage_id,2",
        "6,2024-01-02 10:00:00,add_time,2024-01-02T10:00:00",
        "5,2024-01-05 10:00:00,user_id,9",
        OPENED,
        "5,2024-01-03 10:00:00,stage_id,1",
        "5,2024-01-12 10:00:00,lost_reason,too dear",
    )
    assert bring(app, "pipedrive", path, tmp_path / "rejects.csv", currency="CHF").rejected == 0
    found = told(app, "opportunity-pipedrive-5")
    assert [(at, tag) for at, tag, _ in found] == [
        ("2024-01-02 10:00:00", "opportunity-opened"),
        ("2024-01-05 10:00:00", "owner-changed"),
        ("2024-01-09 10:00:00", "stage-changed"),
        ("2024-01-09 10:00:00", "stage-changed"),
        ("2024-01-12 10:00:00", "opportunity-lost"),
    ]
    assert [event.to for _, tag, event in found if tag == "stage-changed"] == ["3", "2"]
    assert found[0][2].amount.currency == "CHF"
    assert found[-1][2].reason == "too-dear"


def test_a_newer_export_appends_only_what_is_new_whatever_the_users_are_called_by_then(
    app: App, tmp_path: Path
) -> None:
    old = account(tmp_path / "old", OPENED, "5,2024-01-03 10:00:00,user_id,9")
    new = account(
        tmp_path / "new", OPENED, "5,2024-01-03 10:00:00,user_id,9", "5,2024-01-04 10:00:00,stage_id,2",
        activities=("70,call,9,5,False,2024-01-08T09:00:00",),
    )  # fmt: skip
    (new / "users.csv").write_text("id,name,email,modified\n9,Robert,c@x.org,\n")
    bring(app, "pipedrive", old, tmp_path / "rejects.csv")
    before = app.log.head()
    summary = bring(app, "pipedrive", new, tmp_path / "rejects.csv")
    assert (summary.facts, summary.rejected) == (2, 0)
    assert [fact.tag for fact in app.log.page(before, 10)] == ["stage-changed", "activity-scheduled"]
    assert bring(app, "pipedrive", new, tmp_path / "rejects.csv").facts == 0


def test_won_reopened_and_lost_again_as_pipedrive_tells_it(app: App, tmp_path: Path) -> None:
    path = account(
        tmp_path / "crm", OPENED, "5,2024-01-03 10:00:00,value,1200.50", "5,2024-01-04 10:00:00,status,won",
        "5,2024-01-05 10:00:00,status,open", "5,2024-01-06 10:00:00,status,lost",
        "5,2024-01-06 10:00:00,lost_reason,price",
    )  # fmt: skip
    assert bring(app, "pipedrive", path, tmp_path / "rejects.csv").rejected == 0
    assert tags(app, "opportunity-pipedrive-5") == [
        "opportunity-opened", "amount-changed", "opportunity-won", "opportunity-reopened", "opportunity-lost",
    ]  # fmt: skip
    before = app.log.head()
    assert bring(app, "pipedrive", path, tmp_path / "rejects.csv").facts == 0
    assert app.log.head() == before


def test_rows_that_cannot_come_in_are_listed_with_line_and_reason_and_the_rest_goes_on(
    app: App, tmp_path: Path
) -> None:
    path = account(
        tmp_path / "crm",
        OPENED,
        "5,2024-01-03 10:00:00,colour,red",
        "6,2024-01-02 10:00:00,add_time,2024-01-02T10:00:00",
        "6,2024-01-03 10:00:00,user_id,99",
        "7,2024-01-02 10:00:00,add_time,2024-01-02T10:00:00",
        "7,2024-01-03 10:00:00,stage_id,4",
        "8,2024-01-03 10:00:00,stage_id,2",
        "9,yesterday,add_time,2024-01-02T10:00:00",
        ",2024-01-02 10:00:00,add_time,2024-01-02T10:00:00",
        activities=(
            "70,call,9,5,True,2024-01-08T09:00:00",
            "71,call,9,404,True,2024-01-08T09:00:00",
            "72,call,98,5,True,2024-01-08T09:00:00",
            "73,call,9,5,perhaps,2024-01-08T09:00:00",
        ),
    )
    summary = bring(app, "pipedrive", path, tmp_path / "rejects.csv")
    found = {(line, name): reason for line, name, reason in reasons(tmp_path / "rejects.csv")}
    assert found.keys() == {
        ("3", "5"), ("5", "6"), ("6", "7"), ("8", "8"), ("9", "9"), ("10", ""), ("3", "71"), ("4", "72"), ("5", "73"),
    }  # fmt: skip
    assert found["3", "5"].startswith("changed_field_key: changes of 'colour'")
    assert found["5", "6"] == "new_value: there is no user '99' in users.csv"
    assert found["6", "7"].startswith("the process has no stage '4'")
    assert "not opened yet" in found["8", "8"]
    assert found["9", "9"].startswith("change_time: 'yesterday' is not a time")
    assert found["10", ""] == "deal_id: is empty"
    assert (summary.imported, summary.rejected) == (3, 10)
    assert tags(app, "opportunity-pipedrive-5") == ["opportunity-opened", "activity-completed"]


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    with opened(Settings(db=f"sqlite:///{tmp_path / 'log.db'}")) as app:
        with pytest.raises(NotFound, match=r"deal_changes\.csv: there is no such file"):
            bring(app, "pipedrive", tmp_path, tmp_path / "rejects.csv")
        empty = account(tmp_path / "crm")
        with pytest.raises(Malformed, match="there is no change"):
            bring(app, "pipedrive", empty, tmp_path / "rejects.csv")
