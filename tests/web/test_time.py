"""Going back in time, and looking at what happened to one deal."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

from playwright.sync_api import Browser, expect

from domain.opportunity import OpenOpportunity
from domain.opportunity.follow_up import SetNextStep
from domain.opportunity.progress import ChangeStage
from domain.opportunity.terms import ChangeAmount
from domain.recorded import Request
from tests.desk import eur
from tests.http.site import Site
from tests.web.browsing import form_token, person

THEN = "2026-05-01"


def a_deal(site: Site, **asked: str) -> Any:
    return site.app.list("opportunity", {"limit": "1", "status": "open", **asked}).records[0]


def test_an_auditor_sees_the_board_of_a_day_as_it_was_known_then(chromium: Browser, site: Site) -> None:
    answer = site.app.ask("weighted", {"known_at": THEN})
    with person(chromium, site.url) as page:
        page.goto(f"/board?known_at={THEN}")
        pipeline = page.locator("#board").get_attribute("data-pipeline")
        rows = {row.stage: row for row in answer.records if row.process == pipeline}  # type: ignore[attr-defined]
        for stage, row in rows.items():
            head = page.locator(f".column[data-stage={stage}] header [data-deals]")
            expect(head).to_have_text(f"{row.deals:,}")
        expect(page.locator(".banner.warn")).to_contain_text("You look at the past")


def test_what_was_not_yet_due_at_a_moment_is_not_overdue_on_its_board(site: Site) -> None:
    now, deal = datetime.now(UTC), "opportunity-zebra"
    due, opening = (now - timedelta(days=3)).date(), OpenOpportunity("process-standard", eur("9000000"), owner="ann")
    for command in (opening, SetNextStep("Call", due)):
        request = Request(stream=deal, command=command, actor="ann", occurred_at=now - timedelta(days=10))
        site.app.execute(request)
    board = "/board?pipeline=process-standard"
    assert f"Overdue since {due}" in site.client.get(board).text
    assert f"Due {due}" in site.client.get(f"{board}&effective_at={(now - timedelta(days=5)).date()}").text


def test_a_moment_may_be_a_word_and_the_control_shows_days_alone(chromium: Browser, site: Site) -> None:
    with person(chromium, site.url) as page:  # a wrong value would be on its console
        page.goto("/board?effective_at=yesterday")
        expect(page.locator("input[name=effective_at]").first).to_have_value("")
        expect(page.locator("form[data-time] output")).to_contain_text("true yesterday")
        page.goto("/opportunities?effective_at=2026-06-30T10:00:00Z")
        expect(page.locator("form[data-time] input[name=effective_at]")).to_have_value("2026-06-30")


def test_nothing_can_be_changed_in_the_past(chromium: Browser, site: Site) -> None:
    deal = a_deal(site).stream
    with person(chromium, site.url) as page:
        for address in ("/board", "/opportunities", f"/opportunities/{deal}", "/inbox", "/settings", "/leads"):
            page.goto(f"{address}?known_at={THEN}")
            assert page.locator("form[method=post]").count() == 0, address
            assert page.locator("a.primary").count() == 0, address
    token = form_token(site.client)
    refused = site.client.post(
        f"/board/move?known_at={THEN}", data={"token": token, "to": "proposal", "chosen": f"{deal}:1"}
    )
    assert refused.status_code == 422


def test_the_slider_goes_to_a_day_and_says_which(chromium: Browser, site: Site) -> None:
    with person(chromium, site.url) as page:
        page.goto("/board")
        slider = page.get_by_label("The day up to which facts are known", exact=True).and_(page.locator("[type=range]"))
        first, last = slider.get_attribute("data-first") or "", int(slider.get_attribute("max") or 0)
        slider.fill(str(last - 200))
        expect(page.locator(".banner.warn")).to_be_visible()
        day = date.fromisoformat(first) + timedelta(days=last - 200)
        assert f"known_at={day}" in page.url
        expect(page.locator("form[data-time] output")).to_contain_text("position")
        true = page.locator("#effective_at ~ [type=range]")
        true.fill(str(int(true.get_attribute("max") or 0) - 250))
        expect(page.locator(".banner.warn")).to_contain_text("true ")
        assert "known_at=" in page.url and "effective_at=" in page.url
        page.get_by_role("link", name="Back to now").click()
        expect(page.locator(".banner.warn")).to_have_count(0)
        assert "known_at" not in page.url


def test_a_deal_is_stepped_through_by_links_and_arrow_keys(chromium: Browser, site: Site) -> None:
    deal = site.deal()
    ask = site.app.execute
    ask(Request(stream=deal, command=ChangeAmount(eur("250")), actor="ann"))
    ask(Request(stream=deal, command=ChangeStage("proposal"), actor="bob", reason="They asked for it"))
    with person(chromium, site.url) as page:
        page.goto(f"/opportunities/{deal}")
        expect(page.locator(".timeline > li")).to_have_count(3)
        page.keyboard.press("ArrowLeft")
        expect(page.locator(".timeline > li")).to_have_count(2)
        expect(page.locator(".chip").nth(1)).to_have_text("€250.00")
        page.keyboard.press("ArrowLeft")
        expect(page.locator(".timeline > li")).to_have_count(1)
        expect(page.locator(".chip").nth(1)).to_have_text("€100.00")
        assert "known_at=" in page.url
        page.get_by_role("link", name="Later").click()
        expect(page.locator(".timeline > li")).to_have_count(2)
        page.keyboard.press("ArrowRight")
        expect(page.locator(".timeline > li")).to_have_count(3)
        assert "known_at=" not in page.url


def test_a_history_is_compact_full_or_raw(chromium: Browser, site: Site) -> None:
    deal = site.deal()
    site.app.execute(Request(stream=deal, command=ChangeAmount(eur("250")), actor="ann", reason="A larger order"))
    with person(chromium, site.url) as page:
        page.goto(f"/opportunities/{deal}")
        line = page.locator("#v2")
        expect(line).to_contain_text("Amount changed")
        expect(line.locator("del")).to_have_text("€100.00")
        expect(line.locator("ins")).to_have_text("€250.00")
        page.get_by_role("link", name="Full").click()
        expect(page.locator("#v2")).to_contain_text("recorded")
        expect(page.locator("#v2")).to_contain_text("because A larger order")
        page.get_by_role("link", name="Raw").click()
        expect(page.locator("#v2 pre")).to_contain_text('"type": "amount-changed"')


def test_two_moments_are_compared(chromium: Browser, site: Site) -> None:
    with person(chromium, site.url) as page:
        page.goto("/compare?first=2026-06-01&second=2026-06-30")
        expect(page.locator(".tile").first).to_be_visible()
        expect(page.locator("figure.chart svg")).to_be_visible()
        assert page.locator("tbody a[href^='/opportunities/']").count() > 0


def test_a_bar_between_two_moments_leads_to_the_deals_behind_it(chromium: Browser, site: Site) -> None:
    with person(chromium, site.url, script=False) as page:
        for axis, first, second in (("effective", "2026-06-01", "2026-06-30"), ("known", "2026-06-01", "now")):
            page.goto(f"/compare?first={first}&second={second}&axis={axis}")
            bars = page.locator("figure.chart svg a")
            rows = page.locator("#steps tbody tr")
            for bucket in ("Created", "Won"):
                row = rows.filter(has=page.get_by_role("cell", name=bucket, exact=True))
                target = row.get_by_role("link", name="Events").get_attribute("href") or ""
                assert target in [bar.get_attribute("href") for bar in bars.all()], (axis, bucket)
                page.goto(target)
                expect(page.locator("h2.figures")).to_contain_text(f"bucket {bucket.lower()}")
                assert page.locator("tbody a[href^='/opportunities/']").count() > 0
                page.get_by_role("link", name="The figure").click()
                page.wait_for_url(f"**/compare?**axis={axis}**")


def test_the_deals_of_one_difference_are_shown_alone_and_in_words(chromium: Browser, site: Site) -> None:
    with person(chromium, site.url, script=False) as page:
        page.goto("/compare?first=2026-01-01&second=2026-06-30")
        tile = page.locator("a.tile", has_text="Changed")
        count = int(tile.locator("b").inner_text())
        tile.click()
        rows = page.locator("#deals tbody tr")
        assert rows.count() == count and all("changed" in row for row in rows.all_inner_texts())
        expect(page.locator("#deals tbody")).to_contain_text(re.compile(r"amount [0-9]{1,3},[0-9]{3}\.00 EUR → "))
        page.locator("a.tile", has_text="Changed").click()
        assert rows.count() > count
        expect(page.locator("#deals tbody")).to_contain_text("stage Discovery → ")


def test_a_figure_leads_to_its_events(chromium: Browser, site: Site) -> None:
    with person(chromium, site.url) as page:
        page.goto("/figures/board")
        page.get_by_role("link", name="Events").first.click()
        page.wait_for_url("**/behind**")
        assert "known_at=" in page.url and "effective_at=" in page.url
        page.locator("tbody a").first.click()
        page.wait_for_url("**/opportunities/**")
        expect(page.locator(".timeline > li").first).to_be_visible()


def test_without_script_a_history_is_read_and_a_day_is_gone_back_to(chromium: Browser, site: Site) -> None:
    deal = a_deal(site).stream
    with person(chromium, site.url, script=False) as page:
        page.goto(f"/opportunities/{deal}")
        expect(page.locator(".timeline > li").first).to_be_visible()
        page.get_by_label("Known by").fill(THEN)
        page.get_by_role("button", name="Go").click()
        expect(page.locator(".banner.warn")).to_contain_text(THEN)


def test_a_bar_leads_to_the_deals_behind_it_without_script_too(chromium: Browser, site: Site) -> None:
    with person(chromium, site.url, script=False) as page:
        page.goto("/figures/funnel?since=2025-07-01&until=2026-06-30")
        bar = page.locator("figure.chart svg a").first
        target = bar.get_attribute("href") or bar.get_attribute("xlink:href") or ""
        assert target.startswith("/figures/funnel/behind")
        page.goto(target)
        assert page.locator("tbody tr").count() > 0


def test_a_form_keeps_what_is_typed_while_others_work(chromium: Browser, site: Site) -> None:
    deal = a_deal(site).stream
    with person(chromium, site.url) as page:
        page.goto(f"/opportunities/{deal}/set-next-step")
        field = page.get_by_label("Text")
        field.fill("")  # what the next step is now
        field.press_sequentially("Call ", delay=5)
        site.app.execute(Request(stream=deal, command=ChangeAmount(eur("777")), actor="bob"))
        field.press_sequentially("them back", delay=5)
        expect(field).to_have_value("Call them back")
        page.get_by_role("button", name="Set next step").click()
        expect(page.locator(".banner.good")).to_be_visible()
    assert site.app.record("opportunity", deal, {}).next_step == "Call them back"  # type: ignore[attr-defined]


def test_a_field_that_is_wrong_says_so_beside_it_and_keeps_the_rest(chromium: Browser, site: Site) -> None:
    deal = a_deal(site).stream
    with person(chromium, site.url) as page:
        page.goto(f"/opportunities/{deal}/change-amount")
        page.get_by_label("To").fill("1,5 EUR")
        page.get_by_label("Why, for the record").fill("A larger order")
        page.get_by_role("button", name="Change amount").click()
        expect(page.locator(".wrong")).to_contain_text("1,5")
        expect(page.get_by_label("Why, for the record")).to_have_value("A larger order")


def test_what_another_changed_meanwhile_is_said_and_the_form_is_kept(chromium: Browser, site: Site) -> None:
    deal = a_deal(site).stream
    with person(chromium, site.url) as page:
        page.goto(f"/opportunities/{deal}/change-amount")
        page.get_by_label("To").fill("900 EUR")
        site.app.execute(Request(stream=deal, command=ChangeAmount(eur("777")), actor="bob"))
        page.get_by_role("button", name="Change amount").click()
        expect(page.get_by_role("alert")).to_contain_text("bob")
        page.get_by_role("button", name="Do it all the same").click()
        expect(page.locator(".banner.good")).to_be_visible()
    assert str(site.app.record("opportunity", deal, {}).amount) == "900.00"  # type: ignore[attr-defined]


def test_a_lead_is_captured_by_form_and_found_by_ctrl_k(chromium: Browser, site: Site) -> None:
    with person(chromium, site.url) as page:
        page.goto("/new/lead")
        page.get_by_label("Source").fill("fair")
        page.get_by_label("Company").fill("Zebra Works")
        page.get_by_role("button", name="Capture lead").click()
        page.wait_for_url("**/leads/lead-**")
        page.keyboard.press("Control+k")
        page.get_by_label("Words").fill("zebra")
        found = page.locator("dialog a", has_text="Zebra Works")
        expect(found).to_be_visible()
        page.keyboard.press("Enter")
        page.wait_for_url("**/leads/lead-**")


def test_the_inbox_leads_to_what_is_due(chromium: Browser, site: Site) -> None:
    with person(chromium, site.url) as page:
        page.goto("/inbox")
        expect(page.locator("#overdue tbody tr").first).to_be_visible()
        page.locator("#overdue tbody a").first.click()
        page.wait_for_url("**/opportunities/**")
        expect(page.get_by_role("heading", name="History")).to_be_visible()
