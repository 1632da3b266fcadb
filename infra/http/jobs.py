"""Imports that go on after the answer: an export of another system is sent, and its progress is asked for."""

import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path, PurePosixPath
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal
from zipfile import BadZipFile, ZipFile

import msgspec
from msgspec import Struct

from domain.errors import Malformed, NotFound, Unavailable
from domain.recorded import micros
from infra.application.moments import day
from infra.http.operations import Body, Call, Operation, Parameter, Reply, encode
from infra.http.problems import ProblemDocument, problem
from infra.http.schemas import array, ref
from infra.http.values import Choice, Flag, Text
from infra.identifiers import uuid7
from infra.identity.caller import Target
from infra.importers import formats
from infra.importers.runner import Import, Summary

if TYPE_CHECKING:
    from infra.application.app import App

MAPPING = "mapping.toml"
UNPACKED = 1 << 30  # bytes of all files of an archive
ZIP = "application/zip"
KEPT = 100  # jobs that are remembered
STATUSES = (400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 500, 503)


class ImportJob(Struct, frozen=True, kw_only=True):
    """An import: how far it is, and how it went. Sent again, the same export adds nothing.

    rows: of the export, done and altogether, where that is known. rejects: the first of what was not done, and why.
    """

    id: str
    format: str
    actor: str
    status: Literal["waiting", "running", "done", "failed"]
    started_at: datetime
    rows: int = 0
    total: int | None = None
    summary: Summary | None = None
    rejects: tuple[str, ...] = ()
    problem: ProblemDocument | None = None


class Jobs:
    """The imports of one process, one after the other. Safe for threads."""

    def __init__(self, app: "App") -> None:
        self._app, self._jobs = app, dict[str, ImportJob]()
        self._door = threading.Lock()
        self._worker = ThreadPoolExecutor(1, "import")
        self.stopped = False

    def all_jobs(self) -> list[ImportJob]:
        """Those that are remembered, the newest first."""
        with self._door:
            return list(reversed(self._jobs.values()))

    def job(self, name: str) -> ImportJob:
        """One of them. Raises NotFound."""
        with self._door:
            if name not in self._jobs:
                raise NotFound(f"{name}: there is no such import; the newest {KEPT} of this process are remembered")
            return self._jobs[name]

    def begin(self, actor: str, format_: str, content: bytes, options: dict[str, Any]) -> ImportJob:
        """Line an import up."""
        now = datetime.now(UTC)
        name = f"import-{uuid7(micros(now))}"
        job = ImportJob(id=name, format=format_, actor=actor, status="waiting", started_at=now)
        with self._door:
            self._jobs[name] = job
            for oldest in list(self._jobs)[:-KEPT]:
                del self._jobs[oldest]
        self._worker.submit(self._run, name, content, options)
        return job

    def _change(self, name: str, **changes: Any) -> None:
        with self._door:
            if name in self._jobs:
                self._jobs[name] = msgspec.structs.replace(self._jobs[name], **changes)

    def _run(self, name: str, content: bytes, options: dict[str, Any]) -> None:
        job, where = self.job(name), ""
        try:
            with TemporaryDirectory(prefix="dealtrail-") as folder:
                where = f"{folder}/"
                unpack(content, Path(folder))
                self._carry_out(job, Path(folder), options)
        except Exception as error:
            why = problem(error)[0]
            why = msgspec.structs.replace(why, detail=why.detail.replace(where, "")) if where else why
            self._change(name, status="failed", problem=why)

    def _carry_out(self, job: ImportJob, file: Path, options: dict[str, Any]) -> None:
        history = options.pop("history", False)
        if job.format == "csv":
            file, options["mapping"] = table_of(file), file / MAPPING
        export = formats.read(job.format, file, job.actor, zone=self._app.zone(), **options)
        self._change(job.id, status="running", total=export.total)
        done = 0

        def advance(rows: int) -> None:
            nonlocal done
            done += rows
            self._change(job.id, rows=done)
            if self.stopped:
                raise Unavailable("the service ends: send the export again, and it goes on")

        with self._app.bulk() as dispatcher:
            run = Import(dispatcher, export, job.actor, None, history)
            summary = run.run(advance)
        rejects = tuple(f"{type(reason).__name__}: {reason}" for _, reason in run.first_rejects)
        self._change(job.id, status="done", rows=summary.rows, summary=summary, rejects=rejects)

    def close(self) -> None:
        """Begin no further one; the one under way ends where it is."""
        self.stopped = True
        self._worker.shutdown(wait=True, cancel_futures=True)


def unpack(content: bytes, folder: Path) -> None:
    """The files of an archive, into a folder. Raises Malformed for what is none, or too large, or leads elsewhere."""
    try:
        with ZipFile(BytesIO(content)) as archive:
            files = [each for each in archive.infolist() if not each.is_dir()]
            if sum(each.file_size for each in files) > UNPACKED:
                raise Malformed(f"the archive holds more than {UNPACKED:,} bytes")
            for each in files:
                name = PurePosixPath(each.filename).name
                if not name or name.startswith(".") or not name.isprintable() or (folder / name).exists():
                    raise Malformed(f"the archive holds a file {each.filename!r}: names are plain, and there once")
                with archive.open(each) as packed, (folder / name).open("xb") as file:
                    copyfileobj(packed, file)
    except (BadZipFile, NotImplementedError, EOFError, zlib.error, RuntimeError) as error:
        raise Malformed(f"the body is no ZIP archive that can be read: {error}") from error


def table_of(folder: Path) -> Path:
    """The one table that stands beside its mapping. Raises Malformed."""
    tables = [path for path in folder.iterdir() if path.name != MAPPING]
    if len(tables) != 1 or not (folder / MAPPING).is_file():
        raise Malformed(f"the archive of a csv import holds {MAPPING} and one table, not {len(tables)}")
    return tables[0]


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
