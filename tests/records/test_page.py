"""docs/reference/records.md says what can be listed, and its examples print what it says."""

import re
import shlex
import shutil
from pathlib import Path

from infra.cli.records import KEPT
from projections.records import KINDS
from tests.cli.program import ROOT, dealtrail
from tests.generate import kept_options
from tests.test_readme import BLOCK, pattern

PAGE = (ROOT / "docs" / "reference" / "records.md").read_text()


def test_every_example_of_the_page_prints_what_it_says(tmp_path: Path) -> None:
    shutil.copy(ROOT / "docs" / "example.jsonl", tmp_path)
    count = 0
    for block in BLOCK.findall(PAGE):
        for example in block.split("$ ")[1:]:
            command, _, printed = example.partition("\n")
            ran = dealtrail(*shlex.split(command)[1:], folder=tmp_path)
            shown = "\n".join(line.rstrip() for line in (ran.out + ran.err).split("\n"))
            assert re.fullmatch(pattern(printed), shown, re.DOTALL), f"$ {command}\n{shown}"
            count += 1
    assert count > 4


def test_the_page_names_every_kind_filter_view_and_usual_sort() -> None:
    for kind in KINDS.values():
        [sort] = re.findall(rf"^\| `{kind.name}` \| .* \| `(\S+)`.* \|$", PAGE.partition("## Filters")[0], re.MULTILINE)
        assert sort == kind.order
        [filters] = re.findall(rf"^\| `{kind.name}` \| (.*) \|$", PAGE.partition("## Filters")[2], re.MULTILINE)
        assert re.findall(r"`([a-z_]+)`(?! is)", filters) == [*kind.filters], kind.name
        for view in kind.views:
            assert f"| `{kind.name} list --view {view}` |" in PAGE


def test_the_terminal_keeps_the_options_that_the_kinds_make() -> None:
    assert KEPT.read_bytes() == kept_options(), "run `make generate`"
