"""Several processes that serve one log on PostgreSQL: what one acknowledged the others know, and none does it twice."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from tests.http.program import Running, running
from tests.http.site import DEAL
from tests.http.test_feed import STREAM, received

ROUNDS = 8


def test_two_processes_serve_one_log_as_one_would(postgres_url: str, tmp_path: Path) -> None:
    with (
        running(postgres_url, tmp_path) as one,
        running(postgres_url, tmp_path) as other,
        ThreadPoolExecutor(2) as both,
        httpx.Client(timeout=60, verify=False) as client,
    ):

        def post(service: Running, path: str, document: Any, **headers: str) -> httpx.Response:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return client.post(f"{service.url}{path}", json=document, headers=named)

        def at_once(path: str, documents: list[Any], **headers: str) -> list[httpx.Response]:
            calls = [
                both.submit(post, service, path, document, **headers)
                for service, document in zip((one, other), documents, strict=True)
            ]
            return [call.result() for call in calls]

        for number in range(ROUNDS):
            same = at_once("/v1/leads", [{"source": "web"}] * 2, idempotency_key=f"key-{number}")
            assert {answer.status_code for answer in same} <= {200, 201}, [answer.text for answer in same]
            first, second = (answer.json() for answer in same)
            assert first["stream"] == second["stream"] and first["facts"] == second["facts"]
            assert sorted([first["repeated"], second["repeated"]]) == [False, True]
            opened = post(one, "/v1/opportunities", DEAL).json()
            read = client.get(f"{other.url}/v1/opportunities/{opened['stream']}", params={"wait": opened["position"]})
            assert read.status_code == 200 and read.headers["etag"] == '"1"'
            moves = [{"to": "proposal"}, {"to": "negotiation"}]
            raced = at_once(f"/v1/opportunities/{opened['stream']}/change-stage", moves, if_match='"1"')
            assert sorted(answer.status_code for answer in raced) == [200, 412], [answer.text for answer in raced]
            lost = next(answer.json() for answer in raced if answer.status_code == 412)
            assert [each["type"] for each in lost["came_first"]] == ["stage-changed"]
        head = client.get(f"{one.url}/readyz").json()["position"]
        streams = list[list[str]]()
        for service in (one, other):
            with client.stream("GET", f"{service.url}/v1/events", headers=STREAM | {"last-event-id": "0"}) as answer:
                events = (event["id"] for event in received(answer.iter_lines()) if "data" in event)
                streams.append([next(events) for _ in range(head)])
        assert streams[0] == streams[1] == [str(position) for position in range(1, head + 1)]
