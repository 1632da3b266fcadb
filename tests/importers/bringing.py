"""Runs an import in a test as the verb does, and looks at what the log says afterwards."""

import csv
from pathlib import Path
from typing import Any

from infra.application.app import App
from infra.importers import formats
from infra.importers.runner import Import, Summary

EXAMPLES = Path(__file__).parents[2] / "examples" / "mappings"


def bring(app: App, format_: str, path: Path, rejects: Path, **options: Any) -> Summary:
    """One import; what it rejects is listed in a file."""
    export = formats.read(format_, path, f"import:{format_}", **options)
    with app.bulk() as dispatcher:
        return Import(dispatcher, export, f"import:{format_}", rejects).run(lambda _: None)


def reasons(rejects: Path) -> list[tuple[str, str, str]]:
    """(line, id, reason) of each row of a rejects file."""
    with rejects.open() as file:
        return [(row["line"], row["id"], row["reason"]) for row in csv.DictReader(file)]


def told(app: App, stream: str) -> list[tuple[str, str, Any]]:
    """(time, tag, event) of each fact of a stream, personal fields readable."""
    facts = app.log.histories([stream]).get(stream, [])
    return [
        (
            f"{fact.occurred_at:%Y-%m-%d %H:%M:%S}",
            str(fact.event.__struct_config__.tag),
            app.vault.open(stream, fact.event),
        )
        for fact in facts
    ]


def tags(app: App, stream: str) -> list[str]:
    """The types of a stream's facts in order."""
    return [tag for _, tag, _ in told(app, stream)]
