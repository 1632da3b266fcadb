"""Every refusal is a problem document: its status and type, the field and the reason."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.http.limits import Limits
from tests.http.site import DEAL, EUR, Site, served
from tests.offenders import every

JSON = {"content-type": "application/json"}
TABLE: list[tuple[str, str, dict[str, Any], int, str, str]] = [
    ("GET", "/v1/nothing", {}, 404, "not-found", ""),
    ("GET", "/nothing", {"headers": {"accept": "application/json"}}, 404, "not-found", ""),
    ("GET", "/v1/leads/lead-1/explode", {}, 404, "not-found", ""),
    ("POST", "/v1/leads/lead-1/explode", {"json": {}}, 404, "not-found", ""),
    ("DELETE", "/v1/leads/lead-1/assign", {}, 405, "method-not-allowed", ""),
    ("PATCH", "/v1/metrics/board", {}, 405, "method-not-allowed", ""),
    ("POST", "/v1/leads", {"content": b"{", "headers": JSON}, 400, "unreadable", ""),
    ("POST", "/v1/leads", {"content": b"\xff\xfe", "headers": JSON}, 400, "unreadable", ""),
    ("POST", "/v1/leads", {"content": b"", "headers": JSON}, 400, "unreadable", ""),
    ("POST", "/v1/leads", {"content": b'{"source": "web"}'}, 415, "unsupported-media-type", "content-type"),
    ("POST", "/v1/leads", {"data": {"source": "web"}}, 415, "unsupported-media-type", "content-type"),
    ("POST", "/v1/leads", {"json": []}, 422, "malformed", ""),
    ("POST", "/v1/leads", {"json": {}}, 422, "malformed", "source"),
    ("POST", "/v1/leads", {"json": {"source": 7}}, 422, "malformed", "source"),
    ("POST", "/v1/leads", {"json": {"source": " "}}, 422, "malformed", "source"),
    ("POST", "/v1/leads", {"json": {"source": "a\0b"}}, 422, "malformed", "source"),
    ("POST", "/v1/leads", {"json": {"source": "a", "wat": 1}}, 422, "malformed", "wat"),
    ("POST", "/v1/leads", {"json": {"source": "a", "envelope": 7}}, 422, "malformed", "envelope"),
    ("POST", "/v1/leads", {"json": {"source": "a", "envelope": {"occurred_at": "x"}}}, 422, "malformed",
     "envelope.occurred_at"),
    ("POST", "/v1/leads", {"json": {"source": "a", "envelope": {"occurred_at": "2026-01-01T00:00:00"}}}, 422,
     "malformed", "envelope.occurred_at"),
    ("POST", "/v1/leads", {"json": {"source": "a", "envelope": {"occurred_at": "2999-01-01T00:00:00Z"}}}, 422,
     "malformed", "occurred_at"),
    ("POST", "/v1/opportunities", {"json": DEAL | {"amount": {"amount": 5, "currency": "EUR"}}}, 422, "malformed",
     "amount.amount"),
    ("POST", "/v1/opportunities", {"json": DEAL | {"amount": {"amount": "5.001", "currency": "EUR"}}}, 422,
     "malformed", "amount.amount"),
    ("POST", "/v1/opportunities", {"json": DEAL | {"process": "process-none"}}, 409, "rejected", ""),
    ("POST", "/v1/leads/deal-1/assign", {"json": {"owner": "ann"}}, 422, "malformed", "id"),
    ("POST", "/v1/leads/lead-1/assign", {"json": {"owner": "ann"}}, 409, "rejected", ""),
    ("POST", "/v1/leads/lead-1/assign", {"json": {"owner": "ann"}, "headers": {"if-match": "1"}}, 400, "unreadable",
     "If-Match"),
    ("POST", "/v1/leads/lead-1/assign", {"json": {"owner": "ann"}, "headers": {"if-match": '"x"'}}, 400, "unreadable",
     "If-Match"),
    ("POST", "/v1/leads/lead-1/assign", {"json": {"owner": "ann"}, "headers": {"if-match": '"9"'}}, 412,
     "version-moved", ""),
    ("POST", "/v1/leads", {"json": {"source": "a"}, "headers": {"idempotency-key": ""}}, 400, "unreadable",
     "Idempotency-Key"),
    ("GET", "/v1/metrics/none", {}, 404, "not-found", ""),
    ("GET", "/v1/metrics/board?wat=1", {}, 422, "malformed", "wat"),
    ("GET", "/v1/metrics/board?owner=a&owner=b", {}, 422, "malformed", "owner"),
    ("GET", "/v1/metrics/board?by=colour", {}, 422, "malformed", "by"),
    ("GET", "/v1/metrics/board?by=week&by=month&since=today&until=today", {}, 422, "malformed", "by"),
    ("GET", "/v1/metrics/board?effective_at=soon", {}, 422, "malformed", "effective_at"),
    ("GET", "/v1/metrics/board?effective_at=2026-02-30", {}, 422, "malformed", "effective_at"),
    ("GET", "/v1/metrics/board?known_at=12345", {}, 409, "not-reached", "known_at"),
    ("GET", "/v1/metrics/board?wait=12345", {}, 409, "not-reached", "wait"),
    ("GET", "/v1/metrics/board?wait=-1", {}, 422, "malformed", "wait"),
    ("GET", "/v1/metrics/board?owner=nobody", {}, 404, "not-found", "owner"),
    ("GET", "/v1/metrics/velocity", {}, 422, "malformed", ""),
    ("GET", "/v1/metrics/board?owner=%ff", {}, 400, "unreadable", ""),
    ("GET", "/v1/differences", {}, 422, "malformed", "from"),
    ("GET", "/v1/differences?from=today&to=2020-01-01", {}, 422, "malformed", ""),
    ("GET", "/v1/differences?axis=known&from=0&to=999", {}, 409, "not-reached", "to"),
    ("GET", "/v1/problems/none", {}, 422, "malformed", "name"),
]  # fmt: skip


def check(answer: httpx.Response, status: int, kind: str, field: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["type"] == f"/v1/problems/{kind}"
    assert document["status"] == status
    assert document["detail"]
    if field:
        assert document["field"] == field, document
        assert document["reason"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("refusals")
    with served(f"sqlite:///{folder / 'log.db'}", folder) as running:
        yield running


@every(
    ("method", "path", "sent", "status", "kind", "field"), TABLE, ids=[f"{n}-{row[1]}" for n, row in enumerate(TABLE)]
)
def test_a_bad_request_is_answered_by_its_problem(
    shared: Site, method: str, path: str, sent: dict[str, Any], status: int, kind: str, field: str
) -> None:
    check(shared.client.request(method, path, **sent), status, kind, field)


def test_a_state_that_forbids_it_is_a_conflict(site: Site) -> None:
    stream = site.deal()
    assert site.post(f"/v1/opportunities/{stream}/lose", {"reason": "price"}).status_code == 200
    check(site.post(f"/v1/opportunities/{stream}/change-amount", {"to": EUR | {"amount": "1"}}), 409, "rejected", "")


def test_what_a_method_may_be_is_said(site: Site) -> None:
    answer = site.client.delete("/v1/leads")
    assert answer.status_code == 405
    assert "POST" in answer.headers["allow"]


def test_a_body_beyond_the_limit_is_refused_before_it_is_read(sqlite_url: str, tmp_path: Path) -> None:
    with served(sqlite_url, tmp_path, limits=Limits(body=1000)) as site:
        check(site.post("/v1/leads", {"source": "x" * 1000}), 413, "too-large", "")

        def parts() -> Any:
            yield b'{"source": "'
            for _ in range(100):
                yield b"x" * 100

        headers = {"content-type": "application/json"}
        check(site.client.post("/v1/leads", content=parts(), headers=headers), 413, "too-large", "")
        assert site.post("/v1/leads", {"source": "web"}).status_code == 201


def test_a_caller_who_asks_too_much_is_told_when_to_come_back(sqlite_url: str, tmp_path: Path) -> None:
    with served(sqlite_url, tmp_path, limits=Limits(rate=3)) as site:
        for left in (2, 1, 0):
            answer = site.get("/v1/metrics")
            assert (answer.status_code, answer.headers["ratelimit-remaining"]) == (200, str(left))
        refused = site.get("/v1/metrics")
        check(refused, 429, "too-many-requests", "")
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.headers["ratelimit-limit"] == "3"


def test_a_page_of_another_host_gets_nothing(site: Site) -> None:
    check(site.get("/v1/metrics", headers={"host": "evil.example"}), 403, "forbidden", "host")
    check(site.client.post("/v1/leads", json={"source": "a"}, headers={"host": "evil.example:80"}), 403, "forbidden",
          "host")  # fmt: skip


def test_a_request_that_takes_too_long_is_told_to_come_back(sqlite_url: str, tmp_path: Path) -> None:
    with served(sqlite_url, tmp_path, limits=Limits(time=0)) as site:
        late = site.post("/v1/leads", {"source": "web"})
        check(late, 503, "unavailable", "")
        assert late.headers["retry-after"] == "1"
