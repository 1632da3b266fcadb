"""The forecasts that were issued, week by week, and what came of them."""

from datetime import UTC, date, datetime
from decimal import Decimal

from playwright.sync_api import Browser, expect

from domain.money import Money
from domain.recorded import Request
from domain.reference.forecast import SubmitForecast
from domain.reference.outlook import Achieved, Expected, IssueOutlook, ScoreOutlook, Spread
from tests.http.site import Site
from tests.web.browsing import person

START, END = date(2026, 4, 1), date(2026, 6, 30)


def issue(site: Site, as_of: date, mean: int, doubts: tuple[str, ...] = (), width: int = 400) -> None:
    def around(of: int, width: int) -> Spread:
        low, middle, high = (Decimal(each) for each in (of - width, of, of + width))
        return Spread(middle, low, middle, high)

    total = Expected("total", "", around(mean, width), around(9, 3), Decimal(500))
    command = IssueOutlook("EUR", START, END, as_of, 1, "outlook", "1", "abc", 7, (total,), low_confidence=doubts)
    made = datetime(as_of.year, as_of.month, as_of.day + 1, tzinfo=UTC)
    stream = "outlook-EUR-2026-04-01-2026-06-30"
    site.app.execute(Request(stream=stream, command=command, actor="ann", occurred_at=made))


def test_each_forecast_stands_as_it_was_issued_beside_what_was_won(chromium: Browser, site: Site) -> None:
    issue(site, date(2026, 4, 7), 2000, ("the log is young",))
    issue(site, date(2026, 5, 5), 2600)
    score = ScoreOutlook("EUR", START, END, 1, (Achieved("total", "", Decimal(2500), 8),))
    site.app.execute(Request(stream="outlook-EUR-2026-04-01-2026-06-30", command=score, actor="ann"))
    with person(chromium, site.url) as page:
        page.goto("/forecasts")
        rows = page.locator("section", has_text="2026-04-01 to").locator("tbody tr")
        expect(rows).to_have_count(2)
        expect(rows.first).to_contain_text("2,600.00")
        expect(rows.first).to_contain_text("100.00")
        expect(rows.first).to_contain_text("yes")
        expect(rows.last).to_contain_text("-500.00")
        expect(rows.last.locator(".chip.warn").first).to_have_text("no")
        expect(page.locator("figure.chart svg")).to_be_visible()


def test_people_and_models_are_compared_for_the_periods_of_the_page(chromium: Browser, site: Site) -> None:
    issue(site, date(2026, 5, 5), 2600)
    call = SubmitForecast("ann", START, END, "commit", Money(Decimal(700), "EUR"))
    made = datetime(2026, 5, 6, tzinfo=UTC)
    site.app.execute(Request(stream="forecast-q2", command=call, actor="ann", occurred_at=made))
    with person(chromium, site.url) as page:
        page.goto("/forecasts")
        rows = page.locator("section", has_text="How right people and models were").locator("tbody tr")
        expect(rows).to_have_count(2)
        expect(rows.first).to_contain_text("outlook 1")
        expect(rows.last).to_contain_text("submitted")
        rows.first.get_by_role("link", name="Events").click()
        expect(page.locator("tbody tr")).to_have_count(1)
        expect(page.locator("tbody")).to_contain_text("Forecast issued")


def test_without_a_forecast_the_page_says_how_one_is_made(chromium: Browser, site: Site) -> None:
    with person(chromium, site.url) as page:
        page.goto("/forecasts")
        expect(page.locator(".empty")).to_contain_text("dealtrail forecast issue")


def test_what_was_not_scored_yet_is_empty_in_a_file(site: Site) -> None:
    issue(site, date(2026, 5, 5), 2600)
    [header, row] = site.client.get("/forecasts", params={"format": "csv"}).text.splitlines()
    found = dict(zip(header.split(","), row.split(","), strict=True))
    assert (found["mean"], found["error"], found["covered"]) == ("2600", "", "")
