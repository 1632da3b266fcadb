"""A process is published by its stages, a framework by its questions, a row of fields each; with script or without."""

from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.http.site import Site
from tests.web.browsing import person

STAGES = (
    {"name": "Contract sent", "order": "15", "kind": "open", "probability": "60%", "forecast category": "commit"},
    {"name": "Lost", "order": "30", "kind": "lost", "probability": "0", "forecast category": "omitted"},
    {"name": "First call", "order": "10", "kind": "open", "probability": "0.2", "forecast category": "pipeline"},
    {"name": "Won", "order": "20", "kind": "won", "probability": "1", "forecast category": "closed"},
)


def fill(page: Page, rows: str, number: int, row: dict[str, str]) -> None:
    """Fill the fields of a row, each found by what stands above it."""
    group = page.get_by_role("group", name=f"{rows}, {number}", exact=True)
    for title, text in row.items():
        field = group.get_by_label(title.capitalize(), exact=True)
        if field.evaluate("each => each.tagName") == "SELECT":
            field.select_option(text)
        else:
            field.fill(text)


def process_of(site: Site, name: str) -> Any:
    return site.app.record("process", name, {})


def test_a_process_is_published_stage_by_stage_and_its_next_version_begins_with_it(
    chromium: Browser, site: Site
) -> None:
    for script in (False, True):
        name = f"process-renewals-{script}".lower()
        with person(chromium, site.url, script=script) as page:
            page.goto("/settings")
            page.get_by_role("link", name="Publish process").click()
            page.locator("#field-stream").fill(name)
            page.locator("#field-name").fill("Renewals")
            for number, row in enumerate(STAGES, 1):
                fill(page, "Stages", number, row)
            page.get_by_role("button", name="Publish process").click()
            page.wait_for_url(f"**/streams/{name}")
            page.get_by_role("link", name="Publish process").click()
            stages = page.locator("fieldset.rows .row")
            filled = [stages.nth(place).get_by_label("Id").input_value() for place in range(5)]
            assert filled == ["first-call", "contract-sent", "won", "lost", ""]
            expect(stages.nth(1).get_by_label("Probability")).to_have_value("0.60")
            fill(page, "Stages", 5, {"name": "Demo", "order": "12", "kind": "open", "probability": "0.4"})
            page.get_by_role("button", name="Publish process").click()
            expect(page.locator("[aria-invalid=true]")).to_have_attribute("name", "stages-1-forecast_category")
            expect(page.locator(".wrong")).to_have_text("is missing")
            fill(page, "Stages", 2, {"forecast category": "pipeline"})
            page.get_by_role("button", name="Publish process").click()
            page.wait_for_url("**/settings?**")
        found = process_of(site, name)
        assert (found.process_version, found.open_stages) == (2, 3)


def test_a_form_gets_more_rows_and_keeps_what_is_typed(chromium: Browser, site: Site) -> None:
    with person(chromium, site.url, script=False) as page:
        page.goto("/new/process/publish-process")
        rows = page.locator("fieldset.rows .row")
        before = rows.count()
        fill(page, "Stages", 1, {"name": "First call", "kind": "open"})
        page.get_by_role("button", name="More stages").click()
        assert rows.count() > before
        expect(rows.first.get_by_label("Name")).to_have_value("First call")
        expect(rows.first.get_by_label("Id")).to_have_value("first-call")


def test_a_deal_is_opened_in_a_process_by_its_name(chromium: Browser, site: Site) -> None:
    with person(chromium, site.url, script=False) as page:
        page.goto("/new/opportunity")
        page.get_by_label("Process").select_option(label="Standard sales process")
        page.locator("#field-amount").fill("1,500 EUR")
        page.get_by_role("button", name="Open deal").click()
        page.wait_for_url("**/opportunities/opportunity-*")
        expect(page.locator("dl.facts")).to_contain_text("Standard sales process")


def test_a_framework_is_published_question_by_question(chromium: Browser, site: Site) -> None:
    with person(chromium, site.url, locale="de-DE") as page:
        page.goto("/new/framework/publish-framework")
        page.locator("#field-stream").fill("framework-fit")
        page.locator("#field-name").fill("Fit")
        fill(page, "Criteria", 1, {"id": "pain", "question": "Does it hurt?"})
        fill(page, "Criteria", 2, {"id": "when", "question": "When?", "answers": "soon, later", "met": "now"})
        page.get_by_role("button", name="Publish framework").click()
        expect(page.locator("[aria-invalid=true]")).to_have_attribute("name", "criteria-1-met")
        fill(page, "Criteria", 2, {"met": "soon", "required": "no"})
        page.get_by_role("button", name="Publish framework").click()
        page.wait_for_url("**/streams/framework-fit")
    found: Any = site.app.record("framework", "framework-fit", {})
    assert (found.questions, found.required) == (2, 1)


def test_what_is_wrong_with_all_rows_stands_above_them(chromium: Browser, site: Site) -> None:
    with person(chromium, site.url, script=False) as page:
        page.goto("/streams/process-standard/publish-process")
        last = page.locator("fieldset.rows .row", has=page.locator("input[value=lost]")).first
        for field in last.locator("input").all():
            field.fill("")
        for field in last.locator("select").all():
            field.select_option("")
        page.get_by_role("button", name="Publish process").click()
        expect(page.locator("fieldset.rows > .wrong")).to_contain_text("no stage of kind lost")
