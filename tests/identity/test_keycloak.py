"""Tokens of a real Keycloak at a service that takes those of one realm, for one audience."""

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.application.app import opened
from infra.settings import Settings
from tests.http import program
from tests.http.site import DEAL
from tests.identity.keycloak import Keycloak, for_audience, running
from tests.kafka.broker import missing

REALM, OTHER = "sales", "elsewhere"
FETCHED_AGAIN = 11  # seconds after which keys are looked up once more


def settings(keycloak: Keycloak) -> dict[str, str]:
    given = {
        "issuer": keycloak.issuer(REALM), "audience": "dealtrail", "leeway_seconds": "0",
        "roles_claim": "realm_access.roles", "roles": "sales-rep=rep,team-lead=manager",
        "actor_claim": "preferred_username", "owner_claim": "preferred_username",
    }  # fmt: skip
    return {f"DEALTRAIL_OIDC_{name.upper()}": value for name, value in given.items()}


@pytest.mark.soak
@pytest.mark.skipif(bool(missing()), reason=missing())
def test_tokens_of_a_keycloak_open_what_its_roles_allow_and_no_others_do(sqlite_url: str, tmp_path: Path) -> None:
    with running(tmp_path) as keycloak:
        ours, hasty = {"protocolMappers": for_audience("dealtrail")}, {"attributes": {"access.token.lifespan": "1"}}
        people = {"ana": "sales-rep", "cleo": "team-lead", "eve": ""}
        clients: list[dict[str, Any]] = [
            {"clientId": "crm", **ours}, {"clientId": "hasty", **ours, **hasty},
            {"clientId": "shop", "protocolMappers": for_audience("shop")},
        ]  # fmt: skip
        keycloak.add_realm(REALM, clients, people)
        keycloak.add_realm(OTHER, clients[:1], people)
        with (
            program.running(sqlite_url, tmp_path, more=settings(keycloak)) as service,
            httpx.Client(base_url=service.url, timeout=60, verify=False) as client,
        ):

            def call(token: str, method: str, path: str, document: Any = None) -> httpx.Response:
                return client.request(method, path, json=document, headers={"authorization": f"Bearer {token}"})

            def status(token: str) -> int:
                return call(token, "GET", "/v1/opportunities").status_code

            late = keycloak.tokens(REALM, "hasty", "ana")["access_token"]
            got = keycloak.tokens(REALM, "crm", "ana", scope="openid")
            ana = got["access_token"]
            cleo, eve = (keycloak.tokens(REALM, "crm", user)["access_token"] for user in ("cleo", "eve"))
            opened_deal = call(ana, "POST", "/v1/opportunities", {**DEAL, "owner": "ana"})
            assert opened_deal.status_code == 201, opened_deal.text
            stream = opened_deal.json()["stream"]
            assert call(ana, "GET", f"/v1/opportunities/{stream}").status_code == 200
            assert call(cleo, "GET", f"/v1/opportunities/{stream}").status_code == 404, "of no member of her team"
            assert status(cleo) == 200 and status(eve) == 403
            team = {"name": "A", "manager": "ana", "members": ["cleo"]}
            assert call(ana, "POST", "/v1/teams/team-a/change", team).status_code == 403
            foreign = {
                "another audience": keycloak.tokens(REALM, "shop", "ana")["access_token"],
                "another realm": keycloak.tokens(OTHER, "crm", "ana")["access_token"],
                "for the client itself": got["id_token"],
                "to get others with": got["refresh_token"],
                "altered": f"{ana[:-4]}{'AAAA' if ana[-4:] != 'AAAA' else 'BBBB'}",
            }
            assert {name: status(token) for name, token in foreign.items()} == dict.fromkeys(foreign, 401)
            time.sleep(2)
            assert status(late) == 401, "its second is over"
            keycloak.rotate(REALM)
            time.sleep(FETCHED_AGAIN)
            renewed = keycloak.tokens(REALM, "crm", "ana")["access_token"]
            assert renewed.split(".")[0] != ana.split(".")[0], "signed by another key"
            assert status(renewed) == status(ana) == 200
    with opened(Settings(db=sqlite_url, key_file=str(tmp_path / "key"))) as app:
        assert [fact.actor for fact in app.log.recorded(0, 100) if fact.stream == stream] == ["ana"]
