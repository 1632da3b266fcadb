"""The README's examples do what the README says."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.cli.program import ROOT, process
from tests.http.site import served

BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
PAGES = re.compile(r"<http://localhost:8080(/[^>]*)>")


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


@pytest.mark.slow
def test_every_example_of_the_tour_prints_what_it_says(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    told = examples()
    assert len(told) > 15
    for command, printed in told:
        program, *arguments = shlex.split(command)
        if program == "curl":
            shown = answered(command, tmp_path)
        else:
            assert program == "dealtrail"
            ran = process(*arguments, folder=tmp_path)
            shown = "\n".join(line.rstrip() for line in (ran.out + ran.err).split("\n"))
        assert re.fullmatch(pattern(printed), shown, re.DOTALL), f"$ {command}\n{shown}"


def answered(command: str, folder: Path) -> str:
    """What a call of the service is answered, over the log of the examples before it; its pages are there as well."""
    shutil.copy(folder / "dealtrail.db.key", folder / "key")
    with served(f"sqlite:///{folder}/dealtrail.db", folder) as site:
        for page in PAGES.findall((ROOT / "README.md").read_text()):
            assert httpx.get(site.url + page).status_code == 200
        line = command.replace("localhost:8080", site.url.removeprefix("http://"))
        return subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=30, check=True).stdout


def test_an_example_that_prints_something_else_would_be_seen() -> None:
    assert not re.fullmatch(pattern("board…\n│ 2 │\n"), "board\n│ 1 │\n", re.DOTALL)
