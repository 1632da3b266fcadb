"""The examples for data scientists run as they stand."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from projections.outlook.features import Feature, Label
from tests.cli.program import ROOT, dealtrail

PAGE = (ROOT / "docs" / "reference" / "features.md").read_text()
CONSOLE, PYTHON = (re.compile(rf"```{language}\n(.*?)```", re.DOTALL) for language in ("console", "python"))
ROWS = re.compile(r"^\| (`[^|]*) \|", re.MULTILINE)


@pytest.mark.slow
def test_the_examples_run_and_their_forecasts_beat_one_rate_for_all(tmp_path: Path):
    for block in CONSOLE.findall(PAGE):
        for line in block.splitlines():
            program, *arguments = shlex.split(line.removeprefix("$ "))
            assert program == "dealtrail"
            ran = dealtrail(*arguments, folder=tmp_path)
            assert ran.code == 0, ran.err
    in_sql, in_numpy = (ran_in(tmp_path, example) for example in PYTHON.findall(PAGE))
    one_rate, learnt, forecasts = re.findall(r"[0-9.]+", in_sql.splitlines()[0])
    assert float(learnt) < float(one_rate)
    assert int(forecasts) > 500
    bins = re.findall(r"forecast ([0-9.]+)  outcome ([0-9.]+)", in_sql)
    assert len(bins) >= 3
    assert all(abs(float(forecast) - float(outcome)) < 0.25 for forecast, outcome in bins)
    assert re.search(r"^\d+ labels were not known when their horizon ended", in_sql, re.MULTILINE)
    found = re.fullmatch(r"one rate (.*), logistic (.*), logistic that leaks (.*) over (\d+) forecasts\n", in_numpy)
    assert found, in_numpy
    one_rate, honest, leaking, count = found.groups()
    assert count == forecasts
    assert float(leaking) < float(honest) < float(one_rate) - 0.01


def ran_in(folder: Path, example: str) -> str:
    """What an example prints."""
    done = subprocess.run([sys.executable, "-c", example], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_column_is_explained():
    explained = [name for row in ROWS.findall(PAGE) for name in re.findall(r"`([a-z_]+)`", row)]
    assert sorted(explained) == sorted((*Feature.__struct_fields__, *Label.__struct_fields__))
