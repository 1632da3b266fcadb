"""An export is sent, and its import asked for until it is done; the same one again adds nothing."""

import io
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.http.site import Site
from tests.http.test_refusals import check

ROOT = Path(__file__).parents[2]
MAPPING = (ROOT / "examples" / "mappings" / "leads.toml").read_text()
HEAD = "Lead ID;Created;Contact;Email;Phone;Company;Source;Owner;Status;Last contact;Changed;Lost because;Deal"
ROWS = [f"L-{n};03/31/2026;Ann Example;ann{n}@example.com;;Example Ltd;Fair;Bob;Open;;;;" for n in range(40)]
ZIP = {"content-type": "application/zip"}


def packed(**files: str) -> bytes:
    """An archive of some files, by their names with an underscore for the point."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("_", "."), text)
    return target.getvalue()


CASES = Path(__file__).parents[1] / "importers" / "cases" / "one-bad-date"
EXPORT = packed(leads_csv="\n".join([HEAD, *ROWS]) + "\n", mapping_toml=MAPPING)


def imported(site: Site, content: bytes, form: str = "csv") -> dict[str, Any]:
    """How an import ended."""
    answer = site.client.post("/v1/imports", content=content, params={"format": form}, headers=ZIP)
    assert answer.status_code == 202, answer.text
    place, deadline = answer.headers["location"], time.monotonic() + 30
    while (job := site.get(place).json())["status"] in ("waiting", "running") and time.monotonic() < deadline:
        time.sleep(0.02)
    return job


def test_an_export_comes_in_and_again_adds_nothing(each_site: Site) -> None:
    first = imported(each_site, EXPORT)
    assert first["status"] == "done", first
    assert first["summary"]["imported"] > 0
    assert first["rows"] == first["total"]
    again = imported(each_site, EXPORT)
    assert (again["summary"]["imported"], again["summary"]["unchanged"]) == (0, first["summary"]["imported"])
    assert [job["id"] for job in each_site.get("/v1/imports").json()] == [again["id"], first["id"]]
    leads = each_site.get("/v1/leads", wait=each_site.app.log.head()).json()
    assert leads["count"] == len(ROWS)


def test_rows_that_are_rejected_are_listed_with_line_id_and_reason(site: Site) -> None:
    deals, rules = ((CASES / name).read_text() for name in ("deals.csv", "deals.toml"))
    rows = "".join(f"E-{number},2026-02-30,Open,5\n" for number in range(1, 13))
    job = imported(site, packed(deals_csv=deals + rows, mapping_toml=rules))
    assert (job["summary"]["imported"], job["summary"]["rejected"], len(job["rejects"])) == (2, 13, 13)
    reason = "Created: '2026-02-30' is not a time of the years 2 to 9998 of the form ISO 8601"
    assert job["rejects"][0] == {"file": "deals.csv", "line": 3, "id": "D-2", "reason": reason}
    assert job["rejects"][-1]["id"] == "E-12"


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (b"no archive", "csv"), (packed(leads_csv=HEAD), "csv"), (packed(mapping_toml=MAPPING), "csv"),
        (packed(leads_csv=HEAD, other_csv=HEAD, mapping_toml=MAPPING), "csv"),
        (packed(leads_csv="strange", mapping_toml=MAPPING), "csv"), (EXPORT[:-40], "csv"),
        (packed(**{"../../evil_csv": HEAD, "evil_csv": HEAD}), "csv"), (packed(table_csv="a,b"), "hubspot"),
    ],
)  # fmt: skip
def test_an_archive_that_cannot_be_used_fails_and_says_why(site: Site, content: bytes, form: str) -> None:
    job = imported(site, content, form)
    assert job["status"] == "failed", job
    assert job["problem"]["type"] in ("/v1/problems/malformed", "/v1/problems/not-found")
    assert "/tmp" not in job["problem"]["detail"]


def test_what_cannot_be_an_import_is_refused_at_once(site: Site) -> None:
    check(site.client.post("/v1/imports", content=b"x", headers=ZIP), 422, "malformed", "format")
    check(
        site.client.post("/v1/imports?format=csv", content=b"x", headers={"content-type": "text/csv"}),
        415, "unsupported-media-type", "content-type",
    )  # fmt: skip
    check(site.client.post("/v1/imports?format=excel", content=b"x", headers=ZIP), 422, "malformed", "format")
    check(site.get("/v1/imports/import-0"), 404, "not-found", "")
