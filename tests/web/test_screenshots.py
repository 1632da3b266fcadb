"""Photographs of the pages, light, dark and on a phone, as the README shows them.

They are written where DEALTRAIL_SCREENSHOTS says, docs/screenshots for those that are committed; else to a folder of
the test's, and looked at for being there and of the size of the window.
"""

import os
import struct
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.http.site import Site, served
from tests.web.browsing import DESKTOP, PHONE, person
from tests.web.conftest import simulated
from tests.web.test_forecasts import issue

DEALS = "900"  # enough that columns are full
LOOKS: dict[str, tuple[Any, Any]] = {"light": ("light", DESKTOP), "dark": ("dark", DESKTOP), "phone": ("light", PHONE)}


@pytest.fixture(scope="module")
def lately(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service whose sellers worked until yesterday."""
    folder = tmp_path_factory.mktemp("lately")
    simulated(folder, deals=DEALS)
    with served(f"sqlite:///{folder / 'log.db'}", folder) as site:
        for day, mean in ((7, 2000), (14, 2350), (21, 2300), (28, 2600)):
            issue(site, date(2026, 4, day), 1000 * mean, width=250_000 - 5_000 * day)
        yield site


def places(site: Site) -> dict[str, str]:
    won = site.app.list("opportunity", {"status": "won", "sort": "-amount", "limit": "1"}).records[0].stream
    deal = site.app.list("opportunity", {"sort": "-amount", "limit": "1"}).records[0].stream
    lead = site.app.list("lead", {"limit": "1"}).records[0].stream
    return {
        "board": "/board", "board-past": "/board?known_at=2026-05-01", "deal": f"/opportunities/{won}",
        "deal-full": f"/opportunities/{won}?view=full", "move": f"/opportunities/{deal}/move",
        "deals": "/opportunities", "lead": f"/leads/{lead}", "inbox": "/inbox",
        "figures": "/figures", "funnel": "/figures/funnel?since=2026-01-01&until=2026-06-30",
        "transitions": "/figures/transitions", "win-rate": "/figures/win-rate?by=month",
        "behind": "/figures/board/behind?row=0", "compare": "/compare?first=2026-06-01&second=2026-06-30",
        "forecasts": "/forecasts", "operations": "/operations", "settings": "/settings", "parts": "/ui",
    }  # fmt: skip


@pytest.mark.parametrize("look", LOOKS)
def test_each_page_is_photographed(chromium: Browser, lately: Site, tmp_path: Path, look: str) -> None:
    scheme, size = LOOKS[look]
    folder = Path(os.environ.get("DEALTRAIL_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    with person(chromium, lately.url, scheme, size, touch=size is PHONE) as page:
        for name, address in places(lately).items():
            page.goto(address)
            page.wait_for_timeout(150)  # times and numbers are in the reader's way
            picture = page.screenshot(path=folder / f"{name}-{look}.png")
            assert struct.unpack(">II", picture[16:24]) == (size["width"], size["height"]), name
            assert len(picture) > 10_000, f"{name} is a picture of nothing"
