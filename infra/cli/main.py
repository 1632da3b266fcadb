"""Where the terminal meets dealtrail: verbs are called, refusals become exit codes."""

import errno
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from typing import TextIO

import msgspec
from cyclopts import App
from cyclopts.exceptions import CycloptsError

from domain.errors import Conflict, Forbidden, KeyReused, Malformed, NotFound, PipelineError, Rejected, Unavailable
from infra.application.requests import is_text
from infra.cli import (
    bulk,
    commands,
    consume,
    diff,
    dlq,
    events,
    imports,
    init,
    log,
    metrics,
    publish,
    schemas,
    status,
    subjects,
    tables,
    timeline,
)  # fmt: skip
from infra.cli.arguments import with_values
from infra.cli.last_resort import report
from infra.cli.options import note
from infra.cli.output import RED, stderr, styled

EXIT: dict[type[PipelineError], int] = {
    Unavailable: 1,
    Malformed: 2,
    KeyReused: 2,
    NotFound: 3,
    Rejected: 4,
    Conflict: 4,
    Forbidden: 4,
}
INTERRUPTED = 130
COLUMNS = re.compile("[1-9][0-9]{0,4}")
CODES = {0, *EXIT.values(), INTERRUPTED}
"""Every exit code, as the README explains them."""
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""What a stream says that takes no more."""
OUTSIDE = FULL | {
    errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP, errno.EACCES, errno.EPERM,
    errno.EROFS, errno.EMFILE, errno.ENFILE,
}  # fmt: skip
"""What the machine says of files, and no fault of ours."""
VERBS = (
    init, imports, metrics, diff, timeline, events, status, tables, log, publish, consume, dlq, schemas, subjects,
    commands, bulk,
)  # fmt: skip


@cache
def application() -> App:
    """The verbs, those of leads and opportunities derived from the commands."""
    app = App(
        "dealtrail",
        help="A sales pipeline that remembers: every figure, as of any moment.",
        version=lambda: version("dealtrail"),
    )
    for module in VERBS:
        module.register(app)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:] if arguments is None else list(arguments)))


def run(arguments: Sequence[str]) -> int:
    """Carry out one command line; the exit code. Refusals go to stderr, as JSON where `--json` was asked for."""
    columns = os.environ.get("COLUMNS", "")
    if columns and not COLUMNS.fullmatch(columns):
        del os.environ["COLUMNS"]
        note(f"COLUMNS: {columns!r} is not a number of columns, and is ignored")
    try:
        code = outcome(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output has seen enough
        silence(sys.stdout)
        return 0
    except OSError as error:
        silence(sys.stdout)
        return refuse("Unavailable", f"the output cannot be written: {error.strerror}", 1, arguments)
    return code


def outcome(arguments: Sequence[str]) -> int:
    """What a command line came to; an OSError is left over where the output cannot be written."""
    try:
        app = application()
        words = with_values(app, arguments)
        result = app(words, exit_on_error=False, print_error=False, result_action="return_value")
        return result if isinstance(result, int) else 0
    except CycloptsError as error:
        return refuse("Usage", str(error).strip(), 2, arguments)
    except PipelineError as error:
        code = next(code for kind, code in EXIT.items() if isinstance(error, kind))
        return refuse(type(error).__name__, str(error), code, arguments)
    except KeyboardInterrupt:
        return refuse("Interrupted", "stopped by the user; what was appended stays", INTERRUPTED, arguments)
    except BrokenPipeError:
        raise
    except SystemExit as leaving:  # rich makes one of a broken pipe
        if isinstance(leaving.__context__, BrokenPipeError):
            raise leaving.__context__ from None
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in OUTSIDE:
            if error.filename is None and error.errno in FULL:
                raise
            where = f"{error.filename}: " if error.filename is not None else ""
            return refuse("Unavailable", f"{where}{error.strerror}", 1, arguments)
        odd = [place for place, argument in enumerate(arguments, 1) if not is_text(argument)]
        if odd and isinstance(error, ValueError):  # of what no file's name can hold, or no output
            text = f"argument {odd[0]}: holds the NUL character, or bytes that are not UTF-8"
            return refuse("Usage", text, 2, arguments)
        return refuse("Unforeseen", report(error), 1, arguments)


def refuse(kind: str, text: str, code: int, arguments: Sequence[str]) -> int:
    """Say on stderr why nothing was done."""
    text = text.encode(errors="backslashreplace").decode()
    try:
        if "--json" in arguments:
            print(msgspec.json.encode({"error": kind, "detail": text}).decode(), file=sys.stderr)
        else:
            stderr().print(styled(f"{kind}:", RED), text)
    except OSError:  # nobody can be told: the exit code says it
        silence(sys.stderr)
    return code


def silence(stream: TextIO) -> None:
    """Let what a stream still holds go nowhere, so that the end of the process does not fail at it again."""
    with suppress(OSError):  # a stream that is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
