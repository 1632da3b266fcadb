"""The examples of every how-to do what the page says, in their order, in a folder of their own."""

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.program import ROOT, dealtrail
from tests.test_readme import BLOCK, pattern

PAGES = sorted((ROOT / "docs" / "how-to").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_every_example_of_a_how_to_prints_what_it_says(page: Path, tmp_path: Path) -> None:
    blocks = BLOCK.findall(page.read_text())
    examples = [example.partition("\n") for block in blocks for example in block.split("$ ")[1:]]
    assert examples, f"{page.name} has no example"
    for command, _, printed in examples:
        program, *arguments = shlex.split(command)
        assert program == "dealtrail"
        ran = dealtrail(*arguments, folder=tmp_path)
        shown = "\n".join(line.rstrip() for line in (ran.out + ran.err).split("\n"))
        assert re.fullmatch(pattern(printed), shown, re.DOTALL), f"$ {command}\n{shown}"
