"""A field is changed where it stands, on a record and in a list."""

import re
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
        expect(page.locator("tbody a[data-title=Amount]")).to_have_text("€900.00")
        assert page.url.endswith("/opportunities?account=zebra")
    with person(chromium, site.url, script=False) as page:
        page.goto("/opportunities?account=zebra")
        page.locator("tbody a[data-title=Owner]").click()
        page.get_by_label("To", exact=False).first.fill("eve")
        page.get_by_role("button", name="Change owner").click()
        expect(page.locator(".banner.good")).to_be_visible()
    assert (record(site, deal).amount, record(site, deal).owner) == (900, "eve")


def test_an_undo_takes_nothing_back_that_somebody_else_said_since(chromium: Browser, site: Site) -> None:
    deal = site.deal(account="Zebra Works")
    with person(chromium, site.url) as page:
        page.goto(f"/opportunities/{deal}")
        page.locator("a[data-title=Amount]").click()
        page.locator(".inline-form #field-to").fill("900 EUR")
        page.keyboard.press("Enter")
        undo = page.get_by_role("button", name="Undo")
        expect(undo).to_be_visible()
        site.app.execute(Request(stream=deal, command=ChangeAmount(eur("777")), actor="bob"))
        undo.click()
        expect(page.locator(".toast")).to_contain_text("somebody changed it since")
    assert record(site, deal).amount == 777


def test_a_german_reads_and_writes_numbers_as_germans_do(chromium: Browser, site: Site) -> None:
    deal = site.deal(account="Zebra Works", amount={"amount": "12500.50", "currency": "EUR"})
    with person(chromium, site.url, locale="de-DE") as page:
        page.goto(f"/opportunities/{deal}?view=full")
        amount, field = page.locator("a[data-title=Amount]"), page.locator(".inline-form #field-to")
        expect(amount).to_have_text("12.500,50 €")
        expect(page.locator(".timeline > li").first).to_contain_text("12.500,50 €")
        expect(page.locator(".head .chip").nth(1)).to_have_text("12.500,50 €")
        for typed, worth, shown in (
            ("1.500", "", "12.500,50 €"),  # without its currency: refused
            ("1.500 EUR", "1500.00", "1.500,00 €"),
            ("3.000 €", "3000.00", "3.000,00 €"),  # as it is shown
            ("2,5 EUR", "2.50", "2,50 €"),
            ("9,100.00 EUR", "9100.00", "9.100,00 €"),  # as the service writes it
        ):
            amount.click()
            field.fill(typed)
            page.keyboard.press("Enter")
            if worth:
                expect(amount).to_have_text(shown)
                assert str(record(site, deal).amount) == worth, typed
            else:
                expect(page.locator(".wrong")).to_be_visible()
                page.keyboard.press("Escape")
                expect(amount).to_have_text(shown)
        page.goto("/board?pipeline=process-standard")
        expect(page.locator(f"#deal-{deal} .figures span").first).to_have_text("9.100 €")


def test_an_amount_has_its_currency_as_its_reader_writes_it(chromium: Browser, site: Site) -> None:
    for locale, shown, typed in (
        ("en-US", "$12,500.50", "$9,100.00"),
        ("en-CA", "US$12,500.50", "US$9,100.00"),
        ("fr-FR", "12 500,50 $US", "9 100,00 $US"),
        ("de-CH", "$ 12.500.50", "9'100.00 USD"),
    ):
        deal = site.deal(account="Zebra Works", amount={"amount": "12500.50", "currency": "USD"})
        with person(chromium, site.url, locale=locale) as page:
            page.goto(f"/opportunities/{deal}")
            amount = page.locator("a[data-title=Amount]")
            expect(amount).to_have_text(re.compile(shown.replace("$", "[$]").replace(" ", r"\s")))
            amount.click()
            page.locator(".inline-form #field-to").fill(typed)
            page.keyboard.press("Enter")
            expect(amount).to_have_text(re.compile("9.?100"))
        assert str(record(site, deal).amount) == "9100.00", locale


def test_a_seller_qualifies_a_lead_by_the_criteria_as_a_form(chromium: Browser, site: Site) -> None:
    answer = site.post("/v1/leads", {"source": "fair", "company": "Zebra Works", "owner": "ann"})
    lead = answer.json()["stream"]
    with person(chromium, site.url, script=False) as page:
        page.goto(f"/leads/{lead}")
        page.get_by_role("link", name="Qualify", exact=True).click()
        page.locator("#field-answer-budget").select_option("yes")
        page.locator("#field-evidence-budget").fill("They said so")
        page.get_by_role("button", name="Qualify").click()
        expect(page.get_by_role("alert")).to_contain_text("need (not assessed)")
        expect(page.locator("#field-evidence-budget")).to_have_value("They said so")
        page.locator("#field-answer-need").select_option("yes")
        page.get_by_role("button", name="Qualify").click()
        expect(page.locator(".banner.good")).to_have_text("Qualified")
    with person(chromium, site.url) as page:
        page.goto(f"/leads/{lead}/qualify-lead")
        expect(page.locator(".question .chip.good")).to_have_count(2)
        assert not axe_faults(page)
    assert site.app.record("lead", lead, {}).status == "qualified"  # type: ignore[attr-defined]
