"""The last resort of the terminal: what to report of an error that nobody foresaw, and how little of it is shown."""

import os
import sys
import tempfile
import traceback
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("domain", "projections", "consumers", "infra")
DEBUG = "DEALTRAIL_DEBUG"


def report(error: BaseException) -> str:
    """What to report of an error: its type, where it was raised, and where its traceback lies.

    Its message stays out, because it may quote what was given: names, addresses, a password.
    """
    fault = f"{type(error).__name__} at {place(error)} of dealtrail {version('dealtrail')}"
    return f"{fault}. This is a fault of dealtrail: please report this line. {kept(error)}"


def place(error: BaseException) -> str:
    """The innermost line of our own packages that an error passed through."""
    own = [
        f"{file.relative_to(ROOT)}:{line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if (file := Path(frame.f_code.co_filename)).is_relative_to(ROOT) and file.relative_to(ROOT).parts[0] in PACKAGES
    ]
    return own[-1] if own else "an unknown place"


def kept(error: BaseException) -> str:
    """Where the traceback is: in a file that only its owner reads, or on stderr where DEALTRAIL_DEBUG=1 asks for it."""
    text = "".join(traceback.TracebackException.from_exception(error, capture_locals=False).format())
    if os.environ.get(DEBUG, "") not in ("", "0"):
        print(text, end="", file=sys.stderr)
        return "The traceback is above."
    try:
        handle, name = tempfile.mkstemp(prefix="dealtrail-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError as failure:
        return f"The traceback could not be kept ({failure.strerror}); {DEBUG}=1 shows it."
    return (
        f"The traceback is in {name}: read it before you pass it on, it may quote what was given. {DEBUG}=1 shows it."
    )
