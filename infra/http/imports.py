"""The operations that begin an import and say how far one is."""

from collections.abc import Iterator

from infra.application.moments import day
from infra.http.jobs import MAPPING, ImportJob
from infra.http.operations import Body, Call, Operation, Parameter, Reply, encode
from infra.http.schemas import array, ref
from infra.http.values import Choice, Flag, Text
from infra.identity.caller import Target
from infra.importers import formats

ZIP = "application/zip"
STATUSES = (400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 500, 503)
PARAMETERS = (
    Parameter("format", "query", Choice([*formats.MODULES]), "Of which system the export is.", required=True),
    Parameter("snapshot_date", "query", Text("[12][0-9]{3}-[01][0-9]-[0-3][0-9]", "a day such as 2026-01-31", 10, 10),
              "The day of the export; by default its latest date."),
    Parameter("currency", "query", Text("[A-Z]{3}", "an ISO 4217 code such as EUR", 3, 3),
              "The currency of amounts that name none."),
    Parameter("history", "query", Flag(), "Whether it brings what happened before; the first one of a system does."),
)  # fmt: skip


def operations() -> Iterator[Operation]:
    """To begin an import, and to ask how far one is."""
    target = Target("jobs", "imports")
    yield Operation(
        "POST", "/v1/imports", "import-create", "Bring an export of another system in; its progress is asked for.",
        target, create, "imports", f"The body is a ZIP archive of the tables; of csv, of the table with its {MAPPING}.",
        PARAMETERS, Body({}),
        Body(ref(ImportJob), (ImportJob,)), (202,), STATUSES, takes=(ZIP,),
        rules="The file is what the format says, which shows only as it is read.",
    )  # fmt: skip
    yield Operation(
        "GET", "/v1/imports", "imports", "The imports of this process, the newest first.", target, listed, "imports",
        answer=Body(array(ref(ImportJob)), (ImportJob,)),
    )  # fmt: skip
    name = Parameter("name", "path", Text("import-[0-9a-f-]{1,60}", "an import", 8, 80), "Which import.", required=True)
    yield Operation(
        "GET", "/v1/imports/{name}", "import-show", "How far an import is, and how it went.", target, one, "imports",
        parameters=(name,), answer=Body(ref(ImportJob), (ImportJob,)),
    )  # fmt: skip


async def create(call: Call) -> Reply:
    """Line an import up."""
    options = {name: value for name, value in call.query.items() if name != "format"}
    if "snapshot_date" in options:
        options["snapshot"] = day("snapshot_date", options.pop("snapshot_date"))
    job = call.service.jobs.begin(call.caller.actor, call.query["format"], call.body, options)
    return Reply(encode(job), 202, {"location": f"/v1/imports/{job.id}"})


async def listed(call: Call) -> Reply:
    """The imports that are remembered."""
    return Reply(encode(call.service.jobs.all_jobs()))


async def one(call: Call) -> Reply:
    """One import."""
    return Reply(encode(call.service.jobs.job(call.path["name"])))
