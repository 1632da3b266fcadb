"""The formats there are: which module reads each one."""

import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

from domain.errors import Malformed
from infra.importers.cells import known_currency
from infra.importers.entries import Export

MODULES = {
    "csv": "mapping",
    "hubspot": "hubspot",
    "maven": "maven",
    "pipedrive": "pipedrive",
    "salesforce": "salesforce",
}
OPTIONS = {"form": "date-format", "snapshot": "snapshot-date", "mapping": "mapping", "currency": "currency"}


def read(format_: str, path: Path, actor: str, **options: Any) -> Export:
    """The export at a path, to be run. Each module's `read` takes the options it can use; None stands for its default.

    Malformed for an option that the format does not take, or lacks.
    """
    reader = import_module(f"infra.importers.{MODULES[format_]}").read
    given = {name: value for name, value in options.items() if value is not None}
    if "currency" in given:
        given["currency"] = known_currency("currency", given["currency"])
    parameters = inspect.signature(reader).parameters
    for name in given:
        if name not in parameters:
            raise Malformed(f"--{OPTIONS[name]}: an import of {format_} does not take it")
    for name in OPTIONS:
        if name in parameters and parameters[name].default is inspect.Parameter.empty and name not in given:
            raise Malformed(f"--{OPTIONS[name]}: an import of {format_} needs it")
    return reader(path, actor, **given)
