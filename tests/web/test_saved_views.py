"""Views that somebody saved: of the board and of lists."""

from playwright.sync_api import Browser, Page, expect

from tests.http.site import Site
from tests.web.browsing import axe_faults, person


def save(page: Page, name: str) -> None:
    page.get_by_text("Save view", exact=True).first.click()
    page.locator("#field-view-name").fill(name)
    page.locator("details[open] button.primary").click()


def test_a_seller_saves_finds_renames_and_deletes_a_view_without_script_too(chromium: Browser, site: Site) -> None:
    owner = site.app.list("opportunity", {"limit": "1", "status": "open"}).records[0].owner
    with person(chromium, site.url, script=False) as page:
        page.goto("/opportunities")
        page.get_by_role("textbox", name="Owner").fill(owner)
        page.get_by_label("Order").select_option("-amount")
        page.get_by_text("Columns", exact=True).first.click()
        page.get_by_role("checkbox", name="Stage", exact=True).uncheck()
        page.get_by_role("checkbox", name="Next step", exact=True).check()
        page.get_by_role("button", name="Filter").click()
        page.wait_for_url("**sort=-amount**")
        titles = [each.inner_text() for each in page.locator("thead th").all()]
        assert "Next step" in titles and "Stage" not in titles
        save(page, "Large ones")
        page.goto("/opportunities")
        page.get_by_role("link", name="Large ones").click()
        expect(page.get_by_role("link", name="Large ones")).to_have_attribute("aria-current", "true")
        expect(page.locator("thead")).to_contain_text("Next step")
        assert f"owner={owner}" in page.url and "sort=-amount" in page.url
        page.get_by_text("This view", exact=True).click()
        page.locator("#field-view-name").fill("Largest")
        page.get_by_role("button", name="Rename").click()
        expect(page.get_by_role("link", name="Largest")).to_have_attribute("aria-current", "true")
        page.get_by_text("This view", exact=True).click()
        page.get_by_role("button", name="Delete view").click()
        expect(page.get_by_role("link", name="Largest")).to_have_count(0)
    with person(chromium, site.url) as page:
        page.goto("/board")
        page.get_by_role("textbox", name="Owner").fill(owner)
        page.get_by_role("button", name="Filter").click()
        page.wait_for_url("**owner=**")
        save(page, "Mine")
        expect(page.get_by_role("link", name="Mine")).to_have_attribute("aria-current", "true")
        page.get_by_text("This view", exact=True).click()
        assert not axe_faults(page)
        page.goto("/board?known_at=2026-05-01")
        page.get_by_role("link", name="Mine").click()
        assert "known_at=2026-05-01" in page.url and f"owner={owner}" in page.url
