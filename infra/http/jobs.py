"""Imports that go on after the answer: an export of another system is sent, and its progress is asked for."""

import threading
import zlib
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
from infra.http.problems import ProblemDocument, problem
from infra.identifiers import uuid7
from infra.importers import formats
from infra.importers.rejects import Reject, rejects_of
from infra.importers.runner import Import, Summary

if TYPE_CHECKING:
    from infra.application.app import App

MAPPING = "mapping.toml"
UNPACKED = 1 << 30  # bytes of all files of an archive
KEPT = 100  # jobs that are remembered
REJECTS = 1_000  # rows that a job lists


class ImportJob(Struct, frozen=True, kw_only=True):
    """An import: how far it is, and how it went. Sent again, the same export adds nothing.

    rows: of the export, done and altogether, where that is known. rejects: the first thousand rows of which something
    was not done, with file, line, id and reason; the summary counts them all.
    """

    id: str
    format: str
    actor: str
    status: Literal["waiting", "running", "done", "failed"]
    started_at: datetime
    rows: int = 0
    total: int | None = None
    summary: Summary | None = None
    rejects: tuple[Reject, ...] = ()
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
            run = Import(dispatcher, export, job.actor, None, history, kept=REJECTS)
            summary = run.run(advance)
        rejects = rejects_of(run.first_rejects)
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
