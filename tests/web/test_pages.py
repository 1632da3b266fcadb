"""Every page, light and dark, desktop and phone: found by who cannot see it, still while it loads, small, and ours."""

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from playwright.sync_api import Browser

from domain.opportunity import OpenOpportunity
from domain.recorded import Request
from infra.web.routes import ROUTES
from projections import METRICS
from tests.desk import eur
from tests.http.site import Site, served
from tests.web.browsing import DESKTOP, PHONE, axe_faults, form_token, person

SCRIPT_AND_STYLE = 60_000  # bytes of a page without charts
SHIFT = 0.02
DOCUMENT, PACKED = 150_000, 20_000  # bytes of a board
SHIFTED = """() => new Promise(done => {
  let sum = 0;
  const add = list => { for (const each of list.getEntries()) if (!each.hadRecentInput) sum += each.value; };
  new PerformanceObserver(add).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(sum), 200);
})"""
OVER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
IDS = re.compile(r"\b(opportunity|lead|process|team|quota|framework)-[a-z0-9]")
PLACES = {
    "board": "/board", "board-past": "/board?known_at=2026-05-01",
    "deals": "/opportunities", "leads": "/leads",
    "inbox": "/inbox",
    "forecasts": "/forecasts", "figures": "/figures", "funnel": "/figures/funnel?since=2025-07-01&until=2026-06-30",
    "waterfall": "/figures/waterfall?since=2026-04-01&until=2026-06-30", "win-rate": "/figures/win-rate?by=month",
    "behind": "/figures/board/behind?row=0", "compare": "/compare?first=2026-06-01&second=2026-06-30",
    "compare-behind": "/compare/behind?first=2026-06-01&second=2026-06-30&row=1",
    "operations": "/operations", "settings": "/settings", "search": "/search?q=a", "parts": "/ui", "new": "/new/lead",
}  # fmt: skip


LONG = re.compile(r"[\w ]*[0-9]\.[0-9]{4,}[^.,]")  # a number, or a time, with more places than anybody reads
TAG = re.compile(r"<(script|style)[^>]*>.*?</\1>|<[^>]+>", re.DOTALL)


def visible(html: str) -> str:
    """What a page shows, without its markup."""
    return TAG.sub(" ", html)


def places(site: Site) -> dict[str, str]:
    """Every page that there is, with those of one deal and one lead."""
    deal = site.app.list("opportunity", {"limit": "1"}).records[0].stream
    lead = site.app.list("lead", {"limit": "1"}).records[0].stream
    one = {
        "deal": f"/opportunities/{deal}", "deal-full": f"/opportunities/{deal}?view=full",
        "deal-raw": f"/opportunities/{deal}?view=raw", "move": f"/opportunities/{deal}/move",
        "lead": f"/leads/{lead}", "qualify": f"/leads/{lead}/qualify-lead",
        "missing": "/opportunities/opportunity-nobody", "process": "/streams/process-standard",
        "publish": "/streams/process-standard/publish-process",
        "questions": "/streams/framework-bant/publish-framework",
    }  # fmt: skip
    return PLACES | one


class Seen(NamedTuple):
    """What a page was found to be.

    over: pixels that it is wider than its window. violations: what axe says of it, in light and in dark.
    """

    shift: float
    over: int
    violations: list[str]
    text: str


@pytest.fixture(scope="module", params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def seen(
    request: pytest.FixtureRequest, chromium: Browser, history: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Seen]]:
    """Every page, looked at once by all that is said of every page."""
    place = tmp_path_factory.mktemp("every") / "history"
    shutil.copytree(history, place)
    found = dict[str, Seen]()
    size = request.param
    with served(f"sqlite:///{place / 'log.db'}", place) as site:
        with person(chromium, site.url, size=size, touch=size is PHONE) as page:
            for name, address in places(site).items():
                page.emulate_media(color_scheme="light")
                page.goto(address)
                shift = page.evaluate(SHIFTED)
                wrong = axe_faults(page)
                page.emulate_media(color_scheme="dark")
                wrong += axe_faults(page, "color-contrast")  # colours are all that differs
                found[name] = Seen(shift, page.evaluate(OVER), wrong, page.locator("main").inner_text())
        yield found


def test_axe_finds_nothing_on_any_page_light_or_dark(seen: dict[str, Seen]) -> None:
    found = {name: each.violations for name, each in seen.items() if each.violations}
    assert not found


def test_nothing_shifts_while_a_page_loads(seen: dict[str, Seen]) -> None:
    assert not {name: each.shift for name, each in seen.items() if each.shift > SHIFT}


def test_no_page_is_wider_than_its_window(seen: dict[str, Seen]) -> None:
    assert not {name: each.over for name, each in seen.items() if each.over > 0}


def test_no_page_shows_an_id_where_there_is_a_name(seen: dict[str, Seen]) -> None:
    exact = ("operations", "new", "deal-full", "deal-raw", "missing")  # the service itself, or all that is known
    shown = {
        name: [line for line in each.text.splitlines() if IDS.search(line)][:3]
        for name, each in seen.items()
        if name not in exact and IDS.search(each.text)
    }
    assert not shown


def test_a_browser_notices_what_must_not_happen(chromium: Browser, site: Site) -> None:
    wrongs = {
        "request to": "() => { new Image().src = 'http://elsewhere.invalid/'; }",
        "console": "() => { document.body.setAttribute('style', 'color: red'); }",
        "script": "() => { setTimeout(() => { throw new Error('wrong'); }); }",
    }
    for name, wrong in wrongs.items():
        with pytest.raises(AssertionError, match=name), person(chromium, site.url) as page:
            page.goto("/ui")
            page.evaluate(wrong)
            page.wait_for_timeout(100)


def test_a_wrong_address_and_a_fault_are_pages_too(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = {"accept": "text/html"}
    missing = site.client.get("/nowhere", headers=browser)
    assert missing.status_code == 404 and "<h1>Not found</h1>" in missing.text
    monkeypatch.setattr("infra.web.board.stages_of", None)  # a fault of ours
    broken = site.client.get("/board", headers=browser)
    assert broken.status_code == 500 and "To the first page" in broken.text and "Traceback" not in broken.text
    assert site.client.get("/board").json()["status"] == 500


def test_no_page_needs_much_script_or_style(site: Site) -> None:
    static = Path(__file__).parents[2] / "infra" / "web" / "static"
    assert sum(path.stat().st_size for path in static.iterdir()) < SCRIPT_AND_STYLE


def test_every_page_is_its_data_too(site: Site) -> None:
    for name, address in places(site).items():
        if name in ("new", "move", "missing", "qualify"):
            continue
        joined = "&" if "?" in address else "?"
        answer = site.client.get(f"{address}{joined}format=json")
        assert answer.status_code == 200, name
        assert answer.json(), name
        text = site.client.get(f"{address}{joined}format=csv")
        assert text.status_code == 200 and text.headers["content-type"].startswith("text/csv"), name


def test_every_metric_has_a_page_with_its_definition_and_its_rows_lead_to_events(site: Site) -> None:
    for name in METRICS:
        answer = site.client.get(f"/figures/{name}")
        assert answer.status_code == 200, (name, answer.text[:300])
        assert "What it means" in answer.text, name
        rows = re.findall(r'href="(/figures/[a-z-]+/behind[^"]+)"', answer.text)
        for row in rows[:1]:
            behind = visible(site.client.get(row.replace("&amp;", "&")).text)
            assert not (long := LONG.findall(behind)), (name, long[:3])


def test_the_conversion_matrix_is_a_picture_whose_cells_lead_to_events(site: Site) -> None:
    period = "since=2025-07-01&until=2026-06-30"
    page = site.client.get(f"/figures/transitions?{period}").text
    cells = re.findall(
        r'<a [^>]*href="(/figures/transitions/behind[^"]+)"', page.partition("<figure")[2].partition("</figure")[0]
    )
    assert "<td>Negotiation</td>" in page and "<td>negotiation</td>" not in page  # stages by their names
    assert len(cells) > 5 and "opportunity-" in site.client.get(cells[0].replace("&amp;", "&")).text
    for name in ("transitions", "velocity"):
        for form, start in (("svg", b"<svg"), ("png", b"\x89PNG")):
            assert site.client.get(f"/figures/{name}?{period}&format={form}").content.startswith(start), (name, form)


def test_a_page_says_what_draws_its_picture_where_that_is_missing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    for address in ("/figures/funnel", "/compare?first=2026-06-01&second=2026-06-30"):
        assert "dealtrail[plot]" in site.client.get(address).text, address


def test_a_page_may_load_from_here_alone_and_runs_no_script_of_others(site: Site) -> None:
    policy = site.client.get("/board").headers["content-security-policy"]
    assert "script-src 'self'" in policy and "style-src 'self'" in policy and "unsafe" not in policy
    assert "default-src 'none'" in policy


def test_a_form_without_its_token_does_nothing(site: Site) -> None:
    deal = site.app.list("opportunity", {"limit": "1", "status": "open"}).records[0]
    for answer in (
        site.client.post("/board/move", data={"to": "proposal", "chosen": f"{deal.stream}:{deal.version}"}),
        site.client.post(f"/opportunities/{deal.stream}/lose-opportunity", data={"reason": "price", "seen": "any"}),
    ):
        assert answer.status_code == 403, answer.text[:200]
    assert site.app.record("opportunity", deal.stream, {}).version == deal.version  # type: ignore[attr-defined]


def test_a_form_sent_from_another_site_does_nothing(site: Site) -> None:
    with httpx.Client(base_url=site.url) as client:
        token = form_token(client)
        answer = client.post(
            "/board/move",
            data={"to": "proposal", "chosen": "x:1", "token": token},
            headers={"sec-fetch-site": "cross-site"},
        )
        assert answer.status_code == 403
        assert "pages of this site alone" in answer.text


def test_every_route_that_writes_takes_no_get(site: Site) -> None:
    reads = {route.pattern for route in ROUTES if route.method == "GET"}
    writes = [route.pattern for route in ROUTES if route.method == "POST"]
    assert writes
    for pattern in writes:
        assert pattern in reads or site.client.get(pattern).status_code == 404


def test_a_board_of_thousands_of_deals_is_a_small_page(site: Site) -> None:
    opening = OpenOpportunity("process-standard", eur("1500"), owner="ann")
    opens = [Request(stream=f"opportunity-many-{n}", command=opening, actor="ann") for n in range(1200)]
    assert not [each for each in site.app.execute_all(opens) if isinstance(each, Exception)]
    whole = site.client.get("/board?pipeline=process-standard", headers={"accept-encoding": "identity"})
    assert whole.text.count('class="card"') == 50 and ">1,200<" in whole.text
    assert len(whole.content) < DOCUMENT
    with site.client.stream("GET", "/board?pipeline=process-standard", headers={"accept-encoding": "gzip"}) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        assert sum(len(part) for part in answer.iter_raw()) < PACKED


def test_a_column_goes_on_to_its_last_deal(site: Site) -> None:
    opening = OpenOpportunity("process-standard", eur("1500"), owner="ann")
    opens = [Request(stream=f"opportunity-many-{n}", command=opening, actor="ann") for n in range(130)]
    site.app.execute_all(opens)
    text, deals = site.client.get("/board?pipeline=process-standard").text, set[str]()
    while True:
        deals |= set(re.findall(r'id="deal-(opportunity-many-[0-9]+)"', text))
        more = re.search(r'href="([^"]+)" data-more', text)
        if more is None:
            break
        text = site.client.get(more[1].replace("&amp;", "&") + "&part=1").text
    assert len(deals) == 130


def test_a_quota_set_by_form_is_named_after_its_holder(site: Site) -> None:
    fields = {"holder": "ann", "start": "2026-07-01", "end": "2026-09-30", "amount": "250,000 EUR"}
    token = form_token(site.client)
    answer = site.client.post("/new/quota/set-quota", data={**fields, "token": token})
    assert (answer.status_code, answer.headers["location"]) == (303, "/streams/quota-ann")
    unnamed = site.client.post("/new/process/retire-process", data={"token": token})
    assert unnamed.status_code == 422 and "say its name" in unnamed.text


def test_markup_in_a_name_is_text(site: Site) -> None:
    name = "<img src=x onerror=alert(1)>"
    deal = site.deal(account=name)
    for address in (f"/opportunities/{deal}", f"/opportunities?account={name}", "/board?pipeline=process-standard"):
        text = site.client.get(address).text
        assert "<img src=x" not in text and "&lt;img src=x" in text, address


def test_a_formula_in_a_name_is_text_to_a_spreadsheet(site: Site) -> None:
    site.deal(account="=1+1")
    text = site.client.get("/opportunities", params={"account": "=1+1", "format": "csv"}).text
    assert "'=1+1" in text
