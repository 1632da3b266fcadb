"""Both locks install whole where nothing was installed before, by the oldest pip that is supported and the newest."""

import ensurepip
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from importlib.metadata import version
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.cli.program import ROOT
from tests.offenders import every

PARTS = (
    "Makefile", "pyproject.toml", "requirements.lock", "requirements-test.lock", "README.md", "LICENSE",
    "domain", "projections", "consumers", "infra",
)  # fmt: skip
OLDEST = "22.3" if sys.version_info < (3, 12) else ensurepip.version()  # Python 3.11.0 came with it
INHERITED = ("DEALTRAIL_", "MAKE", "MFLAGS", "VIRTUAL_ENV", "PYTHON", "PIP_FIND_LINKS", "PIP_CACHE_DIR")


@pytest.mark.registry
@pytest.mark.parametrize("pip", [f"pip=={OLDEST}", "pip"], ids=["oldest", "newest"])
def test_both_locks_install_complete_into_an_empty_environment(pip: str, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, checkout / part)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(INHERITED)}
    environment["PIP_CACHE_DIR"] = str(tmp_path / "cache")

    def run(*command: str) -> str:
        done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
        return done.stdout

    run("make", ".venv/bin/python", f"PYTHON={sys.executable}")
    run(".venv/bin/python", "-m", "pip", "install", "--quiet", "--upgrade", pip)
    run("make", ".venv/run.stamp")
    assert "No broken requirements" in run(".venv/bin/python", "-m", "pip", "check")
    assert run(".venv/bin/dealtrail", "--version").strip() == version("dealtrail")
    run("make", ".venv/test.stamp")
    assert "No broken requirements" in run(".venv/bin/python", "-m", "pip", "check")


LOCKS = {"requirements.lock": ("build",), "requirements-test.lock": ("build", "test")}


@every(("lock", "groups"), LOCKS.items())
def test_a_lock_pins_what_is_declared_within_its_bounds_and_names_no_registry(lock: str, groups: Sequence[str]) -> None:
    text = (ROOT / lock).read_text()
    pinned = dict(re.findall(r"(?m)^([a-z0-9-]+)==([^ ;]+)", text))
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [declared["project"]["dependencies"], *(declared["dependency-groups"][group] for group in groups)]
    if lock == "requirements.lock":  # whose installation shows all that the README does
        wanted += [declared["project"]["optional-dependencies"][extra] for extra in ("forecast", "plot")]
    for requirement in map(Requirement, chain.from_iterable(wanted)):
        assert requirement.specifier.contains(pinned[requirement.name]), f"{requirement}: {pinned[requirement.name]}"
    assert "://" not in text
    assert "index-url" not in text
