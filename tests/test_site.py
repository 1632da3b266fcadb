"""The documents as a site: it builds without a warning, and asks no other host for anything."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ELSEWHERE = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
FETCHING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "use": "href", "form": "action"}
RELATIONS = {"stylesheet", "preconnect", "preload", "prefetch", "modulepreload", "icon", "manifest", "dns-prefetch"}
IMPORTED = re.compile(r"""@import\s+(?:url\()?["']?((?:https?:)?//[^"')\s]+)|url\(["']?((?:https?:)?//[^"')]+)""")


class Fetched(HTMLParser):
    """What a browser fetches for a page by itself, as the page names it; a link that people follow is none."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses = list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "link" and RELATIONS & set(said.get("rel", "").split()):
            self.addresses.append(said.get("href", ""))
        if tag in FETCHING:
            self.addresses.append(said.get(FETCHING[tag], ""))


def elsewhere(html: str) -> list[str]:
    """The addresses of other hosts that a page fetches."""
    page = Fetched()
    page.feed(html)
    return [address for address in page.addresses if ELSEWHERE.match(address)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    printed = built.stdout + built.stderr  # --quiet would keep warnings from being counted
    assert (built.returncode, "WARNING" in printed) == (0, False), printed
    return folder


def test_every_page_is_in_the_site(site: Path) -> None:
    pages = {page.relative_to(ROOT / "docs").with_suffix("") for page in (ROOT / "docs").rglob("*.md")}
    built = {page.relative_to(site).with_suffix("") for page in site.rglob("*.html")}
    named = {page.with_name("index") if page.name == "README" else page for page in pages}
    assert len(named) > 30
    assert not named - built


def test_no_page_asks_another_host_for_anything(site: Path) -> None:
    asking = {page.name: found for page in site.rglob("*.html") if (found := elsewhere(page.read_text()))}
    assert not asking


def test_no_style_asks_another_host_for_anything(site: Path) -> None:
    styles = [*site.rglob("*.css")]
    assert styles
    assert not {style.name for style in styles if IMPORTED.search(style.read_text())}


def test_a_page_that_asks_another_host_would_be_seen() -> None:
    page = '<link rel="stylesheet" href="https://fonts.example/a.css"><script src="//cdn.example/a.js"></script>'
    assert len(elsewhere(page)) == 2
    assert not elsewhere('<a href="https://example.com">x</a><img src="moments.svg">')
    assert IMPORTED.search("@import url(https://fonts.example/a.css)")
