"""docs/reference/metrics.md: a beginning written by hand, then each metric as the program defines and answers it."""

import io
import os
import re
import shlex
from collections.abc import Generator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from infra.application.answers import definition
from infra.cli.main import run
from projections import METRICS
from tests.worked_examples import EXPLANATIONS, Example

DOCS = Path(__file__).parents[1] / "docs"
PAGE, HISTORY = DOCS / "reference" / "metrics.md", DOCS / "example.jsonl"
MARK = "<!-- From here on `make generate` writes this page. -->\n"
WIDE = "1000"  # columns, so that no cell of a table is broken
ROW = re.compile("[│┃]")
PARAGRAPH = re.compile(r"(?<!\n)\n(?=Unit: |Source: )")


@contextmanager
def example_log() -> Generator[None]:
    """A log of its own that holds the example's history, for the verbs that run meanwhile."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("DEALTRAIL_")]:
            environment.delenv(name)
        environment.setenv("DEALTRAIL_DB", f"sqlite:///{folder}/log.db")
        environment.setenv("COLUMNS", WIDE)
        printed("bulk", str(HISTORY))
        yield


def printed(*arguments: str) -> str:
    """What a verb prints, which must succeed."""
    with redirect_stdout(io.StringIO()) as out:
        code = run(arguments)
    assert code == 0, f"dealtrail {shlex.join(arguments)}: exit code {code}\n{out.getvalue()}"
    return out.getvalue()


def command(name: str, example: Example) -> str:
    """A question as it is typed."""
    moment = f"--effective-at {example.effective_at}"
    return " ".join(part for part in ("dealtrail metric", name, example.options, moment) if part)


def answer(name: str, example: Example) -> tuple[list[list[str]], list[str]]:
    """The rows of the table that a question is answered with, the head first, and the notes below it."""
    lines = printed(*shlex.split(command(name, example))[1:]).splitlines()
    rows = [[cell.strip() for cell in ROW.split(line)[1:-1]] for line in lines if ROW.match(line)]
    end = next(index for index, line in enumerate(lines) if line.startswith("as known at position "))
    return rows, [line.strip() for line in lines[end + 1 :]]


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a table of Markdown, the first one its head; columns of figures stand to the right."""
    head, *body = rows
    figures = [all(re.fullmatch(r"-|-?[0-9][0-9,.]*[%x]?", row[index]) for row in body) for index in range(len(head))]
    marks = ["---:" if each else "---" for each in figures]
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, marks, *body))


def worked(name: str, example: Example) -> str:
    """An example as the page shows it: the command, the rows, the notes, and how the figures come about."""
    rows, notes = answer(name, example)
    below = "".join(f"\n> {note}\n" for note in notes)
    return f"```console\n$ {command(name, example)}\n```\n\n{table(rows)}{below}\n{example.arithmetic}\n"


def section(name: str) -> str:
    """What the page says of a metric."""
    metric, parts = METRICS[name], [f"## `{name}`\n"]
    for kind, ways in (("Modes", metric.modes), ("Cohorts", metric.cohorts)):
        parts += [f"{kind}: {', '.join(f'`{way}`' for way in ways)}.\n"] if ways else []
    parts.append(PARAGRAPH.sub("\n\n", definition(name).strip()) + "\n")
    parts += [worked(name, example) for example in EXPLANATIONS[name].examples] if name in EXPLANATIONS else []
    return "\n".join(parts)


def comparison() -> str:
    """What is usually meant by each metric, and where ours differs."""
    head = ["metric", "what is usually meant", "what is meant here, where it differs, and why"]
    explained = [(name, EXPLANATIONS[name]) for name in METRICS if name in EXPLANATIONS]
    rows = [[f"[`{name}`](#{name})", each.usual, each.ours] for name, each in explained]
    return f"## What others mean\n\n{table([head, *rows])}"


def page() -> str:
    """The page anew, its beginning as it is."""
    beginning, mark, _ = PAGE.read_text().partition(MARK)
    assert mark, f"docs/reference/metrics.md has lost the line {MARK}"
    with example_log():
        return "\n".join([beginning + mark, comparison(), *map(section, METRICS)])
