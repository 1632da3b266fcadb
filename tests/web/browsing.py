"""A person before a page: a browser that collects all that must not happen, whichever test it is in."""

import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
DESKTOP, PHONE = {"width": 1360, "height": 860}, {"width": 390, "height": 844}
EXPECTED = ("401", "409", "422", "404")  # what a browser writes to its console of answers that a test asks for


def form_token(client: httpx.Client) -> str:
    """What a form of this client carries."""
    text = client.get("/sign-in" if client.get("/ui").status_code in (303, 401) else "/new/lead").text
    found = re.search(r'name="token" value="([0-9a-f]+)"', text)
    assert found, text[:300]
    return found[1]


def axe_faults(page: Page, *rules: str) -> list[str]:
    """What axe finds on a page as it stands, by all of its rules or by some."""
    options: dict[str, Any] = {"resultTypes": ["violations"]} | ({"runOnly": [*rules]} if rules else {})
    return [
        f"{each['id']}: " + "; ".join(f"{n['html'][:120]} ({n['failureSummary'][:160]})" for n in each["nodes"][:2])
        for each in Axe().run(page, options=options).response["violations"]
    ]


class Watched:
    """What went wrong in a browser: words on its console, errors of scripts, requests to elsewhere."""

    def __init__(self, host: str) -> None:
        self.host, self.wrong, self.shift = host, list[str](), 0.0

    def watch(self, page: Page) -> None:
        page.on("console", self.hear)
        page.on("pageerror", lambda error: self.wrong.append(f"script: {error}"))
        page.on("request", self.look)

    def hear(self, message: ConsoleMessage) -> None:
        refused = "Failed to load resource" in message.text and any(code in message.text for code in EXPECTED)
        if message.type in ("error", "warning") and not refused:
            self.wrong.append(f"console: {message.text}")

    def look(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob") and address.netloc != self.host:
            self.wrong.append(f"request to {request.url}")


@contextmanager
def person(
    browser: Browser,
    url: str,
    scheme: Any = "light",
    size: Any = None,
    script: bool = True,
    touch: bool = False,
    locale: str = "en-GB",
) -> Generator[Page]:
    """A page of a new browser window; in the end nothing may have gone wrong in it."""
    context: BrowserContext = browser.new_context(
        base_url=url, viewport=size or DESKTOP, color_scheme=scheme, java_script_enabled=script, has_touch=touch,
        is_mobile=touch, locale=locale, timezone_id="Europe/Berlin", reduced_motion="reduce",
    )  # fmt: skip
    context.set_default_timeout(15_000)
    watched = Watched(urlsplit(url).netloc)
    page = context.new_page()
    watched.watch(page)
    try:
        yield page
    finally:
        context.close()
    assert not watched.wrong, watched.wrong
