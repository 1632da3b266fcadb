"""The documents lead where they say."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)")


def test_every_link_leads_to_a_file():
    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in PAGES
        for link in LINK.findall(page.read_text())
        if not (page.parent / link).exists()
    ]
    assert not broken


def test_the_index_of_decisions_lists_each_of_them_once():
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(r"^\| \[\d+\]\((0\d{3}-[^)]+)\)", (folder / "README.md").read_text(), re.MULTILINE)
    assert listed == sorted(path.name for path in folder.glob("0*.md"))


def test_every_room_is_in_the_architecture():
    text = (ROOT / "docs" / "architecture.md").read_text()
    rooms = {
        path.parent.relative_to(ROOT).as_posix()
        for top in ("domain", "projections", "consumers", "infra")
        for path in (ROOT / top).glob("*/__init__.py")
    }
    assert not [room for room in sorted(rooms) if f"`{room}/`" not in text]
