"""Where the terminal meets dealtrail: verbs are called, refusals become exit codes."""

import os
import sys
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version

import msgspec
from cyclopts import App
from cyclopts.exceptions import CycloptsError
from rich.console import Console

from domain.errors import (
    Conflict,
    Forbidden,
    KeyReused,
    Malformed,
    NotFound,
    PipelineError,
    Rejected,
    Unavailable,
)
from infra.cli import (
    bulk,
    consume,
    diff,
    dlq,
    events,
    history,
    init,
    log,
    metrics,
    moving,
    publishing,
    schemas,
    subjects,
    tables,
    timeline,
    wishes,
)

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
VERBS = (
    init, moving, metrics, diff, timeline, events, history, tables, log, publishing, consume, dlq, schemas, subjects,
    wishes, bulk,
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


def run(arguments: Sequence[str]) -> int:
    """Carry out one command line; the exit code. Refusals go to stderr, as JSON where `--json` was asked for."""
    try:
        result = application()(list(arguments), exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except CycloptsError as error:
        return refuse("Usage", str(error).strip(), 2, arguments)
    except PipelineError as error:
        return refuse(type(error).__name__, str(error), EXIT[type(error)], arguments)
    except KeyboardInterrupt:
        return refuse("Interrupted", "stopped by the user; what was appended stays", INTERRUPTED, arguments)
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def refuse(kind: str, text: str, code: int, arguments: Sequence[str]) -> int:
    """Say on stderr why nothing was done."""
    if "--json" in arguments:
        print(msgspec.json.encode({"error": kind, "detail": text}).decode(), file=sys.stderr)
    else:
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        console.print(f"[bold red]{kind}:[/] ", end="")
        console.print(text, markup=False)
    return code
