"""Schemathesis, by its own program, against the served document: all its checks, and nothing that it minds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.http.limits import Limits
from tests.http.site import DEAL, Site, served

ROOT = Path(__file__).parents[2]
FINE = ["2xx", 304, 401, 403, 404, 409, 412, 429]
"""What a well-formed request may be answered; where the document lists rules beside its schema, also 422."""
REFUSED = [400, 401, 403, 404, 405, 406, 409, 412, 415, 422, 428, 429]
FREE = Limits(rate=10_000_000)


def configured(site: Site, folder: Path) -> None:
    """The configuration, of the document itself."""
    document = site.get("/v1/openapi.json").json()
    lines = [
        "[checks]",
        f"positive_data_acceptance.expected-statuses = {FINE}",
        f"negative_data_rejection.expected-statuses = {REFUSED}",
    ]
    for path in document["paths"].values():
        for operation in path.values():
            if operation.get("x-rules"):
                lines += ["[[operations]]", f'include-operation-id = "{operation["operationId"]}"',
                          f"checks.positive_data_acceptance.expected-statuses = {[*FINE, 422]}"]  # fmt: skip
    (folder / "schemathesis.toml").write_text("\n".join(lines).replace("'", '"'))


def run(site: Site, folder: Path, *options: str, seconds: int) -> None:
    """Run it on a log that holds a few things; it says nothing but that all is well."""
    configured(site, folder)
    for name in ("opportunity-0", "opportunity-A"):
        site.post(f"/v1/opportunities/{name}/open", DEAL)
        site.post(f"/v1/leads/{name.replace('opportunity', 'lead')}/capture", {"source": "web"})
    program = [
        sys.executable, "-m", "schemathesis.cli", "run", f"{site.url}/v1/openapi.json", "--checks", "all", "--no-color",
        "--continue-on-failure", "--warnings", "off", *options,
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.http.schemathesis_hooks"}
    done = subprocess.run(
        program, cwd=folder, env=environment, capture_output=True, text=True, timeout=seconds, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


@pytest.mark.slow
def test_a_short_run_finds_nothing(sqlite_url: str, tmp_path: Path) -> None:
    with served(sqlite_url, tmp_path, limits=FREE) as site:
        wanted = "|".join(("lead-create", "opportunity-open", "opportunity-change-stage", "opportunity-change-amount",
                           "metric-board", "metric-win-rate", "explain-board", "differences", "events",
                           "opportunity-list", "opportunity-show", "lead-timeline", "bulk", "webhooks",
                           "webhook-create", "webhook-replay", "webhook-resume", "webhook-show", "views", "view-save",
                           "view-change"))  # fmt: skip
        run(site, tmp_path, "--phases", "examples,coverage", "--include-operation-id-regex", f"^({wanted})$", "--seed",
            "7", "-n", "1", "--max-time", "60", seconds=180)  # fmt: skip


@pytest.mark.soak
def test_ten_minutes_find_nothing(sqlite_url: str, tmp_path: Path) -> None:
    with served(sqlite_url, tmp_path, limits=FREE) as site:
        run(site, tmp_path, "--max-time", "600", "-n", "20", seconds=1200)
