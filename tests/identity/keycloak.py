"""A real Keycloak on loopback, fetched by Maven the first time: its realms, clients and people are made by its API."""

import os
import signal
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx

from tests.kafka.broker import free_port

HERE = Path(__file__).parent
HOME = HERE.parents[1] / ".keycloak"  # outside of what is committed
STARTUP = 900.0  # seconds; 40 of a machine that does nothing else
BOSS = "boss"  # the name of its administrator, and the password
SETTINGS = {"accessTokenLifespan": 300, "enabled": True, "sslRequired": "none"}


def distribution() -> Path:
    """The folder of the program."""
    HOME.mkdir(exist_ok=True)
    with (HOME / "lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if not (HOME / "complete").exists():
            goal = ("dependency:copy-dependencies", f"-DoutputDirectory={HOME}")
            subprocess.run(
                ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), *goal], check=True, stdin=subprocess.DEVNULL
            )
            for archive in HOME.glob("*.zip"):
                with ZipFile(archive) as content:
                    content.extractall(HOME)
                archive.unlink()
            (HOME / "complete").touch()
    return next(path for path in HOME.iterdir() if path.is_dir())


class Keycloak:
    """One that runs, with nothing but its own realm."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def issuer(self, realm: str) -> str:
        return f"{str(self.client.base_url).rstrip('/')}/realms/{realm}"

    def tokens(self, realm: str, client: str, user: str, **more: str) -> dict[str, Any]:
        """What somebody gets for their password, which is their name."""
        form = {"grant_type": "password", "client_id": client, "username": user, "password": user, **more}
        answer = self.client.post(f"/realms/{realm}/protocol/openid-connect/token", data=form)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def administer(self, path: str, document: Any) -> None:
        token = self.tokens("master", "admin-cli", BOSS)["access_token"]
        answer = self.client.post(f"/admin{path}", json=document, headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 201, answer.text

    def add_realm(self, name: str, clients: list[dict[str, Any]], users: dict[str, str]) -> None:
        """A realm with public clients, and people by name with a role each, none where that is empty."""
        public = {"publicClient": True, "directAccessGrantsEnabled": True, "standardFlowEnabled": False}
        person = {"enabled": True, "emailVerified": True, "lastName": "Test"}
        self.administer("/realms", {
            "realm": name, **SETTINGS, "roles": {"realm": [{"name": role} for role in {*users.values()} - {""}]},
            "clients": [{**public, **client} for client in clients],
            "users": [
                {**person, "username": user, "firstName": user, "email": f"{user}@example.com",
                 "credentials": [{"type": "password", "value": user}], "realmRoles": [role] if role else []}
                for user, role in users.items()
            ],
        })  # fmt: skip

    def rotate(self, realm: str) -> None:
        """Have what follows signed by another key."""
        document = {
            "name": "next", "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider",
            "config": {"priority": ["900"], "enabled": ["true"], "active": ["true"], "algorithm": ["RS256"]},
        }  # fmt: skip
        self.administer(f"/realms/{realm}/components", document)


def for_audience(audience: str) -> list[dict[str, Any]]:
    """What has a client's access tokens be meant for somebody."""
    config = {"included.custom.audience": audience, "access.token.claim": "true"}
    return [{"name": "for", "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper", "config": config}]


@contextmanager
def running(folder: Path) -> Generator[Keycloak]:
    """One with its data in memory; what it makes of itself the first time it keeps beside the program."""
    program = distribution() / "bin" / "kc.sh"
    port, management = free_port(), free_port()
    command = [
        str(program), "start-dev", "--http-host=127.0.0.1", f"--http-port={port}",
        f"--http-management-port={management}", "--db=dev-mem",
    ]  # fmt: skip
    heap = {"JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx512m"}
    boss = {"KC_BOOTSTRAP_ADMIN_USERNAME": BOSS, "KC_BOOTSTRAP_ADMIN_PASSWORD": BOSS}
    with (folder / "keycloak.log").open("w") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
            env=os.environ | heap | boss,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + STARTUP
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120, verify=False) as client:
            while True:
                assert process.poll() is None and time.monotonic() < deadline, (folder / "keycloak.log").read_text()
                try:
                    if client.get("/realms/master").status_code == 200:
                        break
                except httpx.HTTPError:
                    pass
                time.sleep(0.5)
            yield Keycloak(client)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
