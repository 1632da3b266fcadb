"""Installations that exports are brought into."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.application.app import App, opened
from infra.settings import Settings
from tests.importers.invented import maven_figures, maven_folder
from tests.importers.published import folder, oracles

INVENTED_AND_PUBLISHED = ["invented", pytest.param("published", marks=pytest.mark.published)]


@pytest.fixture
def app(log_url: str, tmp_path: Path) -> Iterator[App]:
    """An empty installation, once on each database."""
    with opened(Settings(db=log_url, key_file=str(tmp_path / "key"))) as app:
        yield app


@pytest.fixture
def small(sqlite_url: str, tmp_path: Path) -> Iterator[App]:
    """An empty installation on SQLite, for what no database changes."""
    with opened(Settings(db=sqlite_url, key_file=str(tmp_path / "key"))) as app:
        yield app


@pytest.fixture(params=INVENTED_AND_PUBLISHED)
def crm(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Any]:
    """A Maven folder and its figures: one of our own, and the published one."""
    if request.param == "published":
        return folder("maven_crm"), oracles()["maven"]
    path = maven_folder(tmp_path / "invented", 400)
    return path, maven_figures(path)


@pytest.fixture(params=INVENTED_AND_PUBLISHED)
def both_forms(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    """A Maven folder, and the same one with its dates written M/D/YYYY; the published one lacks its price list."""
    if request.param == "invented":
        return maven_folder(tmp_path / "iso", 400), maven_folder(tmp_path / "us", 400, us_dates=True)
    iso, us = folder("maven_crm"), tmp_path / "us"
    shutil.copytree(folder("maven_crm_usdates"), us, copy_function=shutil.copyfile)
    shutil.copyfile(iso / "products.csv", us / "products.csv")
    return iso, us
