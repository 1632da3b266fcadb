"""Figures, records, lists and exports by HTTP: at every moment, only sent again where they changed."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from projections import METRICS
from projections.records import KINDS
from tests.http.site import EUR, Site, served
from tests.http.test_refusals import check
from tests.offenders import every

PERIOD = {"since": "2026-01-01", "until": "2026-12-31"}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Some deals and leads of two sellers."""
    folder = tmp_path_factory.mktemp("office")
    with served(f"sqlite:///{folder / 'log.db'}", folder) as site:
        for number in range(5):
            site.deal(owner="ann" if number % 2 else "bob", account=f"Account {number}",
                      amount=EUR | {"amount": str(100 + number)})  # fmt: skip
        site.post("/v1/leads/lead-1/capture", {"source": "web", "name": "Zoë Zimmer", "owner": "ann"})
        yield site


@every("name", METRICS)
def test_every_metric_answers_and_explains_itself(office: Site, name: str) -> None:
    period = PERIOD if METRICS[name].period else {}
    answer = office.get(f"/v1/metrics/{name}", **period)
    assert answer.status_code == 200, answer.text
    assert answer.json()["metric"] == name
    explained = office.get(f"/v1/metrics/{name}/explanation", **period)
    assert explained.status_code == 200, explained.text
    assert explained.json()["hidden"] == 0


def test_an_answer_at_a_position_is_not_sent_twice_and_says_what_was_known_then(site: Site) -> None:
    stream = site.deal()
    first = site.get("/v1/metrics/board", known_at=site.app.log.head())
    assert first.json()["rows"][0]["amount"] == "100.00"
    kept = {"if-none-match": first.headers["etag"]}
    position = first.json()["known_at"]
    assert site.get("/v1/metrics/board", headers=kept, known_at=position).status_code == 304
    moved = site.post(f"/v1/opportunities/{stream}/change-amount", {"to": EUR | {"amount": "7"}}).json()["position"]
    again = site.get("/v1/metrics/board", headers=kept, known_at=position)
    assert (again.status_code, again.content) == (304, b"")
    other = site.get("/v1/metrics/board", headers=kept, known_at=moved)
    assert (other.status_code, other.json()["rows"][0]["amount"]) == (200, "7.00")
    assert site.get("/v1/metrics/board", known_at=position).content == first.content
    asked_by_day = site.get("/v1/metrics/board", effective_at="2026-01-31")
    assert asked_by_day.headers["etag"]
    assert "etag" not in site.get("/v1/metrics/board", effective_at="today").headers
    assert "etag" not in site.get("/v1/metrics/board").headers


def test_who_wrote_reads_what_they_wrote(each_site: Site) -> None:
    for number in range(30):
        written = each_site.post("/v1/opportunities", {"process": "process-standard", "amount": EUR}).json()
        board = each_site.get("/v1/metrics/board", wait=written["position"]).json()
        assert board["rows"][0]["deals"] == number + 1


@every("kind", KINDS)
def test_every_kind_of_record_is_listed_and_exported(office: Site, kind: str) -> None:
    plural = KINDS[kind].plural
    listed = office.get(f"/v1/{plural}")
    assert listed.status_code == 200, listed.text
    assert listed.headers["cache-control"] == "no-store"
    exported = office.get(f"/v1/exports/{plural}", format="jsonl")
    assert exported.status_code == 200, exported.text
    lines = [json.loads(line) for line in exported.text.splitlines()]
    assert [line["stream"] for line in lines] == [row["stream"] for row in listed.json()["rows"]]
    for row in listed.json()["rows"][:1]:
        shown = office.get(f"/v1/{plural}/{row['stream']}")
        assert shown.status_code == 200, shown.text
        assert shown.headers["etag"] == f'"{row["version"]}"'


def test_a_list_is_paged_filtered_and_stays_at_its_moment(office: Site) -> None:
    first = office.get("/v1/opportunities", sort="amount", limit=2, owner="bob").json()
    assert [row["amount"] for row in first["rows"]] == ["100.00", "102.00"]
    assert (first["count"], first["totals"][0]["amount"]) == (3, "306.00")
    office.deal(owner="bob", amount=EUR | {"amount": "101"})
    second = office.get("/v1/opportunities", sort="amount", limit=2, owner="bob", cursor=first["next"]).json()
    assert [row["amount"] for row in second["rows"]] == ["104.00"]
    assert (second["next"], second["known_at"]) == (None, first["known_at"])
    check(office.get("/v1/opportunities", sort="-amount", cursor=first["next"]), 422, "malformed", "cursor")
    check(office.get("/v1/opportunities", status="eaten"), 422, "malformed", "status")
    check(office.get("/v1/opportunities", owner="nobody"), 404, "not-found", "owner")
    check(office.get("/v1/opportunities/opportunity-none"), 404, "not-found", "")
    check(office.get("/v1/opportunities", known_at=10**6), 409, "not-reached", "known_at")


def test_an_export_goes_over_all_pages_at_one_moment(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.http.exports.PAGE", 3)
    names = {site.deal(account=f"=cmd{number}") for number in range(10)}
    answer = site.get("/v1/exports/opportunities", sort="opened_at", known_at=site.app.log.head())
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert {row["stream"] for row in rows} == names
    assert len(rows) == 10
    assert all(row["account"].startswith("'=cmd") for row in rows)


def test_a_record_is_written_on_by_the_version_that_was_read(site: Site) -> None:
    stream = site.deal()
    path = f"/v1/opportunities/{stream}"
    seen = site.get(path).headers["etag"]
    assert site.post(f"{path}/change-owner", {"to": "bob"}, If_Match=seen).status_code == 200
    check(site.post(f"{path}/change-owner", {"to": "cyd"}, If_Match=seen), 412, "version-moved", "")


def test_a_timeline_says_who_and_what_changed(office: Site) -> None:
    lines = office.get("/v1/leads/lead-1/timeline").json()
    assert (lines[0]["actor"], lines[0]["event"]["name"]) == ("tester", "Zoë Zimmer")
    check(office.get("/v1/leads/lead-1/timeline", known_at=1), 404, "not-found", "")


def test_what_differs_between_two_positions_is_the_waterfall_of_them(site: Site) -> None:
    stream = site.deal()
    before = site.app.log.head()
    site.post(f"/v1/opportunities/{stream}/change-amount", {"to": EUR | {"amount": "150"}})
    found = site.get("/v1/differences", **{"from": before, "to": site.app.log.head(), "axis": "known"}).json()
    assert found["counts"]
    assert found["differences"][0]["stream"] == stream


def test_the_head_of_an_answer_is_that_of_the_whole_of_it(office: Site) -> None:
    head, whole = office.client.head("/v1/metrics"), office.get("/v1/metrics")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == whole.headers["content-length"]


def test_the_service_says_that_it_is_well_and_what_it_counted(office: Site, tmp_path: Path) -> None:
    assert office.get("/healthz").json() == {"status": "ok"}
    ready = office.get("/readyz").json()
    assert (ready["ready"], ready["lag"]) == (True, 0)
    assert 'dealtrail_http_requests_total{method="GET",route="/readyz",status="200"}' in office.get("/metrics").text


def test_a_deal_is_listed_by_a_word_of_its_sealed_name(site: Site) -> None:
    named = site.deal(name="Two boats for the harbour")
    site.deal(name="A crane")
    found = site.get("/v1/opportunities", name="harbour")
    assert found.status_code == 200, found.text
    assert [row["stream"] for row in found.json()["rows"]] == [named]
    assert site.client.get("/opportunities?name=harbour").status_code == 200
