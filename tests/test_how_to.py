"""The examples of every page do what it says, in their order, in a folder of their own."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.cli.program import ROOT, dealtrail
from tests.test_readme import BLOCK, pattern

ELSEWHERE = {"consumers", "kafka", "operations", "http-api", "features", "metrics", "records"}
"""Pages whose examples tests of their own carry out, with what they need."""
LONG = {"forecast-a-quarter"}
"""Pages whose examples take seconds."""
DOCS = ROOT / "docs"
HOW_TO = sorted(page for page in (DOCS / "how-to").glob("*.md") if page.stem not in ELSEWHERE)
PAGES = [
    *HOW_TO,
    *sorted(
        page
        for page in DOCS.rglob("*.md")
        if page not in HOW_TO and page.stem not in ELSEWHERE and BLOCK.search(page.read_text())
    ),
]


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, id=page.stem, marks=[pytest.mark.slow] if page.stem in LONG else []) for page in PAGES],
)
def test_every_example_of_a_page_prints_what_it_says(page: Path, tmp_path: Path) -> None:
    blocks = BLOCK.findall(page.read_text())
    examples = [example.partition("\n") for block in blocks for example in block.split("$ ")[1:]]
    assert examples, f"{page.name} has no example"
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    shutil.copy(DOCS / "example.jsonl", tmp_path)
    for command, _, printed in examples:
        program, *arguments = shlex.split(command)
        assert program == "dealtrail"
        ran = dealtrail(*arguments, folder=tmp_path)
        shown = "\n".join(line.rstrip() for line in (ran.out + ran.err).split("\n"))
        assert re.fullmatch(pattern(printed), shown, re.DOTALL), f"$ {command}\n{shown}"
