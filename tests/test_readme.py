"""The README's examples do what the README says."""

import re
import shlex
import shutil
from pathlib import Path

from tests.cli.program import ROOT, dealtrail

BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


def examples() -> list[tuple[str, str]]:
    """Each command with what it prints, in order."""
    found = list[tuple[str, str]]()
    for block in BLOCK.findall((ROOT / "README.md").read_text()):
        for example in block.split("$ ")[1:]:
            command, _, printed = example.partition("\n")
            found.append((command, printed))
    return found


def pattern(printed: str) -> str:
    """What is printed, as a pattern: an ellipsis with blanks after it stands for anything; no line ends with blanks."""
    lines = [re.sub(r"…(\\ )*", ".*", re.escape(line.rstrip())) for line in printed.rstrip().split("\n")]
    return r"\s*" + r"[ ]*\n".join(lines) + r"\s*"


def test_every_example_of_the_tour_prints_what_it_says(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    told = examples()
    assert len(told) > 15
    for command, printed in told:
        program, *arguments = shlex.split(command)
        assert program == "dealtrail"
        ran = dealtrail(*arguments, folder=tmp_path)
        shown = "\n".join(line.rstrip() for line in (ran.out + ran.err).split("\n"))
        assert re.fullmatch(pattern(printed), shown, re.DOTALL), f"$ {command}\n{shown}"


def test_an_example_that_prints_something_else_would_be_seen() -> None:
    assert not re.fullmatch(pattern("board…\n│ 2 │\n"), "board\n│ 1 │\n", re.DOTALL)
