"""The example for data scientists runs as it stands."""

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
def test_the_example_runs_and_its_forecast_beats_one_rate_for_all(tmp_path: Path):
    for block in CONSOLE.findall(PAGE):
        for line in block.splitlines():
            program, *arguments = shlex.split(line.removeprefix("$ "))
            assert program == "dealtrail"
            ran = dealtrail(*arguments, folder=tmp_path)
            assert ran.code == 0, ran.err
    [example] = PYTHON.findall(PAGE)
    done = subprocess.run([sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    one_rate, learnt, forecasts = re.findall(r"[0-9.]+", done.stdout.splitlines()[0])
    assert float(learnt) < float(one_rate)
    assert int(forecasts) > 500
    bins = re.findall(r"forecast ([0-9.]+)  outcome ([0-9.]+)", done.stdout)
    assert len(bins) >= 3
    assert all(abs(float(forecast) - float(outcome)) < 0.25 for forecast, outcome in bins)
    assert re.search(r"^\d+ labels were not known when their horizon ended", done.stdout, re.MULTILINE)


def test_every_column_is_explained():
    explained = [name for row in ROWS.findall(PAGE) for name in re.findall(r"`([a-z_]+)`", row)]
    assert sorted(explained) == sorted((*Feature.__struct_fields__, *Label.__struct_fields__))
