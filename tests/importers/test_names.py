"""A deal's title comes in as its name, sealed, with its later ones; of a person who was erased none comes back."""

from datetime import date
from pathlib import Path
from typing import Any

from domain.recorded import Request
from domain.reference.subject import EraseSubject
from infra.application.app import App
from tests.importers import test_hubspot as hubspot
from tests.importers import test_kinds as kinds
from tests.importers import test_pipedrive as pipedrive
from tests.importers import test_salesforce as salesforce
from tests.importers.bringing import bring, reasons, tags, told
from tests.importers.tables import rejects

BOAT, TWO = "A blue boat for Jo Doe", "Two boats for Jo Doe"
OLD, NEW = date(2024, 2, 1), date(2024, 2, 20)


def name(app: App, stream: str) -> str:
    """What a deal is called."""
    state: Any = app.dispatcher().history(stream).state
    return state.deal.terms.name


def erase(app: App, subject: str) -> None:
    command = EraseSubject("GDPR-17", "bea")
    app.dispatcher().execute(Request(stream=f"subject-{subject}", command=command, actor="ann"))


def salesforce_folder(path: Path, title: str, history: bool = False) -> Path:
    deal = salesforce.deal("A", salesforce.NEW, amount="5") | {"name": title}
    first = salesforce.was("2024-01-02 08:00:05", "A", salesforce.NEW, amount="5")
    return salesforce.export(path, [deal], opportunity_history=[first] if history else [])


def test_salesforce_names_a_deal_and_a_newer_export_renames_it(small: App, tmp_path: Path) -> None:
    for history in (False, True):
        path = tmp_path / str(history)
        path.mkdir()
        salesforce.run(small, salesforce_folder(path / "old", BOAT, history), tmp_path, snapshot=OLD)
    assert name(small, "opportunity-salesforce-A") == BOAT
    assert "opportunity-renamed" not in tags(small, "opportunity-salesforce-A")
    newer = salesforce_folder(tmp_path / "newer", f" {TWO.replace(' ', chr(10))} ", history=True)
    assert salesforce.run(small, newer, tmp_path, snapshot=NEW).rejected == 0
    assert name(small, "opportunity-salesforce-A") == TWO
    assert tags(small, "opportunity-salesforce-A")[-1] == "opportunity-renamed"
    assert salesforce.run(small, newer, tmp_path, snapshot=NEW).facts == 0


def test_an_opportunity_that_a_lead_became_is_named_by_its_own_row(small: App, tmp_path: Path) -> None:
    deal = salesforce.deal("A", salesforce.NEW, amount="5") | {"name": BOAT}
    became = {"is_converted": "true", "converted_date": "2024-01-02", "converted_opportunity_id": "A"}
    history = [salesforce.was("2024-01-02 08:00:05", "A", salesforce.NEW, amount="5")]
    leads = [salesforce.lead("l1", **became)]
    path = salesforce.export(tmp_path / "crm", [deal], opportunity_history=history, lead=leads)
    assert salesforce.run(small, path, tmp_path, snapshot=OLD).rejected == 0
    assert name(small, "opportunity-salesforce-A") == BOAT
    erase(small, "lead-salesforce-l1")
    assert name(small, "opportunity-salesforce-A") == "[erased]"
    again = salesforce.run(small, path, tmp_path, snapshot=NEW)
    assert ([row["id"] for row in rejects(tmp_path)], again.facts) == (["l1"], 0)
    assert name(small, "opportunity-salesforce-A") == "[erased]"


def test_hubspot_names_a_deal_as_its_history_does(small: App, tmp_path: Path) -> None:
    now: dict[str, object] = {"deal_id": "1", "deal_pipeline_stage_id": "new", "property_dealname": TWO}
    at, later = "2024-01-02 08:00:00.120", "2024-01-09 09:00:00"
    history = hubspot.sets("1", (at, "dealstage", "new"), (at, "dealname", BOAT), (later, "dealname", TWO))
    path = hubspot.export(tmp_path / "crm", [now, now | {"deal_id": "2"}], deal_property_history=history)
    assert hubspot.run(small, path, tmp_path).rejected == 0
    assert [(at, event.name) for at, _, event in told(small, "opportunity-hubspot-1")] == [
        ("2024-01-02 08:00:00", BOAT),
        ("2024-01-09 09:00:00", TWO),
    ]
    assert [event.name for *_, event in told(small, "opportunity-hubspot-2")] == [TWO]
    assert hubspot.run(small, path, tmp_path).facts == 0


def test_pipedrive_names_a_deal_when_its_title_changed(small: App, tmp_path: Path) -> None:
    rows = [f"5,2024-01-0{day} 10:00:00,title,{text}" for day, text in ((2, BOAT), (4, TWO), (5, " "))]
    path = pipedrive.account(tmp_path / "crm", pipedrive.OPENED, *rows)
    bring(small, "pipedrive", path, tmp_path / "rejects.csv")
    assert tags(small, "opportunity-pipedrive-5") == ["opportunity-opened", *["opportunity-renamed"] * 2]
    assert name(small, "opportunity-pipedrive-5") == TWO
    assert reasons(tmp_path / "rejects.csv") == [("5", "5", "name: is empty")]
    assert bring(small, "pipedrive", path, tmp_path / "rejects.csv").facts == 0


def test_a_mapping_names_a_deal_renames_it_and_leaves_an_erased_one_alone(small: App, tmp_path: Path) -> None:
    head, row = f"{kinds.HEADER},Title\n", "D-1,2026-01-05,Talks,100,"
    assert kinds.table(small, tmp_path, f"{head}{row}{BOAT}\n", 'name = "Title"').imported == 1
    assert name(small, "opportunity-kinds-D-1") == BOAT
    assert kinds.table(small, tmp_path, f"{head}{row}{TWO}\n", 'name = "Title"').facts == 1
    assert name(small, "opportunity-kinds-D-1") == TWO
    erase(small, "opportunity-kinds-D-1")
    again = kinds.table(small, tmp_path, f"{head}{row}{BOAT}\n".replace("100", "200"), 'name = "Title"')
    assert (again.rejected, again.facts) == (0, 1), "what the deal is worth is nobody's secret"
    assert tags(small, "opportunity-kinds-D-1")[-1] == "amount-changed"
    assert name(small, "opportunity-kinds-D-1") == "[erased]"


def test_a_title_that_is_rejected_stands_in_no_file(small: App, tmp_path: Path) -> None:
    content = f"{kinds.HEADER},Title\nD-1,2026-01-05,Talks,none,{BOAT}\n"
    assert kinds.table(small, tmp_path, content, 'name = "Title"').rejected == 1
    text = (tmp_path / "rejects.csv").read_text()
    assert "D-1" in text
    assert BOAT not in text
