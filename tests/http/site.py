"""A service on loopback, in a thread of the test's process, with a client that calls it."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from infra.application.app import App, opened
from infra.http.limits import Limits
from infra.http.server import Server, server
from infra.identity.caller import Access
from infra.settings import Settings

EUR = {"amount": "100.00", "currency": "EUR"}
DEAL = {"process": "process-standard", "amount": EUR, "owner": "ann"}


class Site(NamedTuple):
    """A service that runs."""

    url: str
    app: App
    server: Server
    client: httpx.Client

    def post(self, path: str, document: Any = None, **headers: str) -> httpx.Response:
        """What a write is answered; header names with underscores for dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(path, json={} if document is None else document, headers=named)

    def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> httpx.Response:
        """What a read is answered."""
        return self.client.get(path, params=query, headers=headers)

    def deal(self, **fields: Any) -> str:
        """The name of a deal that was just opened."""
        answer = self.post("/v1/opportunities", DEAL | fields)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["stream"])


@contextmanager
def served(
    db: str, folder: Path, access: Access | None = None, limits: Limits | None = None, timeout: float = 20
) -> Generator[Site]:
    """A service over a log, ended again when done."""
    settings = Settings(db=db, key_file=str(folder / "key"), actor="tester")
    with opened(settings) as app:
        ready, place = threading.Event(), list[str]()

        def begun(url: str) -> None:
            place.append(url)
            ready.set()

        running, listening = server(app, "127.0.0.1", 0, access, limits or Limits(), begun)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            assert ready.wait(20), "the service did not begin to listen"
            with httpx.Client(base_url=place[0], timeout=timeout, verify=False) as client:
                yield Site(place[0], app, running, client)
        finally:
            running.stop()
            thread.join(20)
            listening.close()
            assert not thread.is_alive(), "the service did not end"
