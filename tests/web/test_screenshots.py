"""Photographs of the pages, light, dark and on a phone, as the README shows them.

They are written where DEALTRAIL_SCREENSHOTS says, docs/screenshots for those that are committed; else to a folder of
the test's, and looked at for being there and of the size of the window.
"""

import os
import struct
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.http.site import Site
from tests.web.browsing import DESKTOP, PHONE, person

MOMENT = "2026-06-30T22:00:00Z"
LOOKS: dict[str, tuple[Any, Any]] = {"light": ("light", DESKTOP), "dark": ("dark", DESKTOP), "phone": ("light", PHONE)}


def places(site: Site) -> dict[str, str]:
    wanted = {"effective_at": MOMENT, "status": "won", "sort": "-amount", "limit": "1"}
    deal = site.app.list("opportunity", wanted).records[0].stream
    at = f"effective_at={MOMENT}"
    return {
        "board": f"/board?{at}", "deal": f"/opportunities/{deal}", "deals": f"/opportunities?{at}",
        "inbox": f"/inbox?{at}", "funnel": f"/figures/funnel?since=2025-07-01&until=2026-06-30&{at}",
        "compare": "/compare?first=2026-06-01&second=2026-06-30", "figures": "/figures", "parts": "/ui",
    }  # fmt: skip


@pytest.mark.parametrize("look", LOOKS)
def test_each_page_is_photographed(chromium: Browser, site: Site, tmp_path: Path, look: str) -> None:
    scheme, size = LOOKS[look]
    folder = Path(os.environ.get("DEALTRAIL_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    with person(chromium, site.url, scheme, size) as page:
        for name, address in places(site).items():
            page.goto(address)
            page.wait_for_load_state("networkidle") if name != "board" else page.wait_for_timeout(300)
            picture = page.screenshot(path=folder / f"{name}-{look}.png")
            assert struct.unpack(">II", picture[16:24]) == (size["width"], size["height"]), name
            assert len(picture) > 10_000, f"{name} is a picture of nothing"
