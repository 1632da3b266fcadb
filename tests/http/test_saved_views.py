"""Saved views over HTTP: private, or for everybody; and what they may not keep."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.control import control_file, open_control
from infra.identity.keys import Wanted
from infra.identity.keys import create as new_key
from infra.identity.opening import judging
from infra.settings import Service, Settings
from infra.store.clock import now
from tests.http.site import Site, served

ROLES = {"ana": "rep", "bob": "rep", "mia": "manager", "aud": "auditor", "adm": "admin"}
VIEW = {"page": "/opportunities", "name": "Large ones", "query": "owner=ana&sort=-amount&columns=stage&columns=amount"}


@pytest.fixture
def people(log_url: str, tmp_path: Path) -> Iterator[dict[str, httpx.Client]]:
    """A client of each of some people."""
    from infra.application.app import opened
    from infra.logs import logger

    settings = Settings(db=log_url, key_file=str(tmp_path / "key"), service=Service(keys=True))
    with opened(settings) as app:
        with closing(open_control(log_url, app.log.identity())) as control:
            keys = {
                name: new_key(
                    control, Wanted(name, (role,), name if role in ("rep", "manager") else ""), "boss", now()
                )[0]
                for name, role in ROLES.items()
            }
        with judging(app, logger("none")) as access, served(log_url, tmp_path, access) as site, ExitStack() as clients:
            yield {
                name: clients.enter_context(
                    httpx.Client(base_url=site.url, headers={"authorization": f"Bearer {key}"}, timeout=20)
                )
                for name, key in keys.items()
            }


def names(client: httpx.Client) -> list[str]:
    return [each["name"] for each in client.get("/v1/views").json()]


def test_a_view_is_for_who_saved_it_until_a_manager_shares_one(people: dict[str, httpx.Client]) -> None:
    ana, bob, mia, adm = (people[each] for each in ("ana", "bob", "mia", "adm"))
    kept = ana.post("/v1/views", json=VIEW)
    assert kept.status_code == 201 and kept.json() | VIEW | {"actor": "ana", "shared": False} == kept.json()
    again = ana.post("/v1/views", json=VIEW | {"query": "owner=ana"})
    assert again.json()["id"] == kept.json()["id"], "one name is one view"
    assert (names(ana), names(bob)) == (["Large ones"], [])
    assert ana.post("/v1/views", json=VIEW | {"shared": True}).status_code == 403
    shared = mia.post("/v1/views", json=VIEW | {"name": "Team", "shared": True}).json()
    assert names(bob) == ["Team"] and names(people["aud"]) == ["Team"]
    address = f"/v1/views/{shared['id']}"
    assert bob.delete(address).status_code == 403
    assert bob.put(f"/v1/views/{kept.json()['id']}", json=VIEW).status_code == 404, "nobody knows of another's"
    changed = adm.put(address, json=VIEW | {"name": "All of us", "shared": True}).json()
    assert (changed["name"], changed["actor"]) == ("All of us", "mia")
    assert mia.delete(address).status_code == 204 and names(bob) == []
    other = ana.post("/v1/views", json=VIEW | {"name": "Small ones"}).json()
    refused = ana.put(f"/v1/views/{other['id']}", json=VIEW)
    assert refused.status_code == 409 and "already" in refused.json()["detail"]


def test_a_view_that_a_page_could_not_show_is_refused_by_field(site: Site) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"page": "/settings"}, "page"),
        ({"name": " "}, "name"),
        ({"query": "ownr=ana"}, "there is no field 'ownr'"),
        ({"query": "known_at=2026-01-01"}, "known_at"),
        ({"query": "name=Ada"}, "no name of a person"),
        ({"query": "%ff=1"}, "query"),
        ({"query": "owner"}, "query"),
    ]
    for change, word in wrong:
        answer = site.post("/v1/views", VIEW | change)
        assert answer.status_code == 422 and word in answer.json()["detail"], (change, answer.text)
    file = Path(str(control_file(site.app.settings.db)))
    assert site.get("/v1/views").json() == [] and not file.exists(), "who saved no view has no tables for them"
