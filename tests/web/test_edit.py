"""A field is changed where it stands, on a record and in a list."""

from typing import Any

from playwright.sync_api import Browser, expect

from domain.opportunity.terms import ChangeAmount
from domain.recorded import Request
from tests.desk import eur
from tests.http.site import Site
from tests.web.browsing import axe_faults, person


def record(site: Site, deal: str) -> Any:
    return site.app.record("opportunity", deal, {})


def test_a_seller_changes_fields_in_place_by_keyboard_alone(chromium: Browser, site: Site) -> None:
    deal = site.deal(account="Zebra Works")
    with person(chromium, site.url) as page:
        page.goto(f"/opportunities/{deal}")
        amount, field = page.locator("a[data-title=Amount]"), page.locator(".inline-form #field-to")
        amount.focus()
        page.keyboard.press("Enter")
        expect(field).to_have_value("100.00 EUR")
        assert not axe_faults(page)
        page.keyboard.press("Escape")
        expect(field).to_have_count(0)
        expect(amount).to_be_focused()
        page.keyboard.press("Enter")
        field.fill("1.500 EUR")
        page.keyboard.press("Enter")
        expect(page.locator(".inline-form .wrong")).to_contain_text("write 1,500 EUR if it stands between thousands")
        assert not axe_faults(page)
        field.fill("1,500 EUR")
        page.keyboard.press("Enter")
        expect(page.locator(".timeline > li").first).to_contain_text("Amount changed")
        expect(amount).to_be_focused()
        page.locator("a[data-title='Next step']").click()
        page.locator(".inline-form #field-text").fill("Call back")
        page.locator(".inline-form #field-due").fill("2027-01-31")
        page.keyboard.press("Enter")
        expect(page.locator("a[data-title='Next step due']")).to_have_text("2027-01-31")
        page.locator("a[data-title=Owner]").click()
        field.fill("bob")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Undo").click()
        expect(page.locator(".toast")).to_contain_text("as it was")
    assert (record(site, deal).amount, record(site, deal).next_step) == (1500, "Call back")
    assert record(site, deal).owner == "ann"


def test_who_edits_second_hears_who_came_first_at_the_field(chromium: Browser, site: Site) -> None:
    deal = site.deal(account="Zebra Works")
    with person(chromium, site.url) as page:
        page.goto("/opportunities?account=zebra")
        page.locator("tbody a[data-title=Amount]").click()
        page.locator(".inline-form #field-to").fill("900 EUR")
        site.app.execute(Request(stream=deal, command=ChangeAmount(eur("777")), actor="bob"))
        page.keyboard.press("Enter")
        expect(page.locator(".inline-form [role=alert]")).to_contain_text("bob")
        page.get_by_role("button", name="Do it all the same").click()
        expect(page.locator("tbody a[data-title=Amount]")).to_have_text("900.00 EUR")
        assert page.url.endswith("/opportunities?account=zebra")
    with person(chromium, site.url, script=False) as page:
        page.goto("/opportunities?account=zebra")
        page.locator("tbody a[data-title=Owner]").click()
        page.get_by_label("To", exact=False).first.fill("eve")
        page.get_by_role("button", name="Change owner").click()
        expect(page.locator(".banner.good")).to_be_visible()
    assert (record(site, deal).amount, record(site, deal).owner) == (900, "eve")
