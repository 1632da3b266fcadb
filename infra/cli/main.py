"""Where the terminal meets dealtrail: verbs are called, refusals become exit codes."""

import errno
import gc
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import TextIO

from infra.cli.grammar import App, HelpWanted, UnknownVerb, UsageError, leading
from infra.cli.output import RED, dim, stderr, stdout, styled

EXIT: dict[str, int] = {
    "Unavailable": 1,
    "Malformed": 2,
    "KeyReused": 2,
    "NotFound": 3,
    "Rejected": 4,
    "Conflict": 4,
    "Forbidden": 4,
}
"""The exit code of each kind of refusal, by its name: the kinds take their time to load."""
INTERRUPTED = 130
STOPPED = "stopped by the user; what was appended stays"
COLUMNS = re.compile("[1-9][0-9]{0,4}")
SHOWN = 60  # characters of a name that is too long
CODES = {0, *EXIT.values(), INTERRUPTED}
"""Every exit code, as docs/reference/terminal.md explains them."""
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF}
"""What a stream says that takes no more."""
OUTSIDE = FULL | {
    errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.EACCES, errno.EPERM,
    errno.EROFS, errno.EMFILE, errno.ENFILE,
}  # fmt: skip
"""What the machine says of files, and no fault of ours."""
VERBS = {
    "commands": (), "subjects": ("subject export", "subject find", "subject clear-index", "subject rebuild-index"),
    "hand_over": ("opportunity hand-over",),
    "records": tuple(
        f"{noun} {verb}"
        for noun in ("lead", "opportunity", "customer", "process", "framework", "team", "quota", "rate", "subject")
        for verb in ("list", "show")
    ),
    "metrics": ("metric", "explain"), "timeline": ("timeline",), "diff": ("diff",), "events": ("events",),
    "imports": ("import", "simulate"), "features": ("export features",),
    "forecasts": ("forecast issue", "forecast show", "forecast score", "forecast readiness"),
    "past_forecasts": ("forecast backtest",),
    "forecast_reasons": ("forecast explain", "forecast bridge", "forecast what-if"),
    "bulk": ("bulk",), "serve": ("serve",), "publish": ("kafka publish", "kafka topics"),
    "consume": ("kafka consume",), "dlq": ("kafka dlq",), "schemas": ("schemas",),
    "status": ("status",), "tables": ("rebuild", "check", "parked"), "log": ("log",),
    "master_key": ("master-key",), "db": ("db",), "api_key": ("api-key",), "config": ("config",),
    "demo": ("demo",), "completion": ("completion",),
}  # fmt: skip
"""The modules with the words that they add, in the order of help; those of `commands` are derived from the domain."""


@cache
def application(*modules: str) -> App:
    """All verbs, those of leads and opportunities derived from the commands; or those of some modules alone."""
    app = App(help="A sales pipeline that remembers: every figure, as of any moment.")
    for module in modules or VERBS:
        import_module(f"infra.cli.{module}").register(app)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script."""
    gc.disable()  # until the verb is loaded: what is loaded stays
    hold_closed_streams()
    sys.exit(run(sys.argv[1:] if arguments is None else list(arguments)))


def hold_closed_streams() -> None:
    """Hold the places of standard streams that were closed before we began, so that no file of ours gets one.

    Nothing is read there, an answer fails there as on a full disk, and what is said beside it goes nowhere.
    """
    for name, flags, mode in (("stdin", os.O_RDONLY, "r"), ("stdout", os.O_RDONLY, "w"), ("stderr", os.O_WRONLY, "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, flags), mode))


def run(arguments: Sequence[str]) -> int:
    """Carry out one command line; the exit code. Refusals go to stderr, as JSON where `--json` was asked for."""
    try:
        check_columns()
        code = outcome(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output has seen enough
        silence(sys.stdout)
        return 0
    except KeyboardInterrupt:  # while it was said how it ended
        return INTERRUPTED
    except OSError as error:
        silence(sys.stdout)
        return refuse("Unavailable", f"the output cannot be written: {error.strerror}", 1, arguments)
    return code


def check_columns() -> None:
    """Do without a width that is none, and say so."""
    columns = os.environ.get("COLUMNS", "")
    if columns and not COLUMNS.fullmatch(columns):
        del os.environ["COLUMNS"]
        stderr().print(dim(f"COLUMNS: {columns!r} is not a number of columns, and is ignored"))


def outcome(arguments: Sequence[str]) -> int:
    """What a command line came to; an OSError is left over where the output cannot be written."""
    try:
        if [*arguments] in (["--version"], ["-V"]):
            from importlib.metadata import version

            stdout().print(version("dealtrail"))
            return 0
        app = application(*modules_of(arguments))
        gc.enable()
        call = app.call(arguments)
        result = call()
        return result if isinstance(result, int) else 0
    except UnknownVerb as error:
        from infra.cli.suggesting import refusal

        return refuse("Usage", refusal(error), 2, arguments)
    except UsageError as error:
        return refuse("Usage", str(error), 2, arguments)
    except HelpWanted as wanted:
        from infra.cli.helping import show_help

        show_help(stdout(), wanted.app, wanted.path)
        return 0
    except KeyboardInterrupt as stopped:
        return refuse("Interrupted", str(stopped) or STOPPED, INTERRUPTED, arguments)
    except BrokenPipeError:
        raise
    except Exception as error:
        if codes := [EXIT[kind.__name__] for kind in type(error).__mro__ if is_refusal(kind)]:
            return refuse(type(error).__name__, str(error), codes[0], arguments)
        if isinstance(error, OSError) and error.errno in OUTSIDE:
            if error.filename is None and error.errno in FULL:
                raise
            where = f"{error.filename}: " if error.filename is not None else ""
            return refuse("Unavailable", f"{where}{error.strerror}", 1, arguments)
        from infra.application.requests import is_text

        odd = [place for place, argument in enumerate(arguments, 1) if not is_text(argument)]
        if odd and isinstance(error, ValueError):  # of what no file's name can hold, or no output
            text = f"argument {odd[0]}: holds the NUL character, or bytes that are not UTF-8"
            return refuse("Malformed", text, 2, arguments)
        if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
            text = f"{str(error.filename)[:SHOWN]}…: no file can have a name as long as this"
            return refuse("Malformed", text, 2, arguments)
        from infra.cli.last_resort import report

        return refuse("Unforeseen", report(error), 1, arguments)


def is_refusal(kind: type[BaseException]) -> bool:
    """Whether a kind of error is one that we refuse on purpose."""
    return kind.__module__ == "domain.errors" and kind.__name__ in EXIT


def modules_of(arguments: Sequence[str]) -> list[str]:
    """The modules of the verb that a command line begins with, to be loaded alone; none where all are wanted."""
    first, second, *_ = *leading(arguments), "", ""
    if not first:
        return []
    if found := [module for module, names in VERBS.items() if first in names or f"{first} {second}" in names]:
        return found
    from infra.application.names import COMMANDS_OF

    if second:
        return ["commands"] if second in COMMANDS_OF.get(first, ()) else []
    beside = [module for module, names in VERBS.items() if any(name.startswith(f"{first} ") for name in names)]
    return ["commands", *beside] if first in COMMANDS_OF else beside


def refuse(kind: str, text: str, code: int, arguments: Sequence[str]) -> int:
    """Say on stderr why nothing was done."""
    text = text.encode(errors="backslashreplace").decode()
    try:
        if "--json" in arguments:
            import msgspec

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
