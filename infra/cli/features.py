"""The verb `export features`: what a model can learn from, as files for those who build one."""

from pathlib import Path
from typing import Annotated, Any, Literal

from infra.cli.grammar import App, Parameter
from infra.cli.groups import WAYS
from infra.cli.options import HERE, Options, note, stdout

Every = Literal["day", "week", "month", "quarter"]


def register(app: App) -> None:
    """Add the verb."""
    app.noun("export", "What other programs work with, as files.", WAYS).command(features)


def features(
    *,
    every: Annotated[Every, Parameter(help="Each open deal as known at the end of each of these.")] = "week",
    to: Annotated[Path, Parameter(help="The folder to write them to.", example="features")] = Path(),
    since: Annotated[str | None, Parameter(help="The first day to look at deals on.", example="2025-01-01")] = None,
    until: Annotated[str | None, Parameter(help="The last one.", example="2026-06-30")] = None,
    known_at: Annotated[
        str | None, Parameter(help="As the log was at this position, or at this time.", example="4711")
    ] = None,
    asking: Options = HERE,
) -> None:
    """Write features.parquet and labels.parquet: deals as they were known on days, and what became of them.

    Point-in-time correct: a row says what was available at the end of its day, a label since when it could be known.
    The same position makes the same bytes. Needs pyarrow. The columns are explained in docs/reference/features.md.
    """
    from infra.application.feature_files import export_features
    from infra.application.moments import first_day, last_day, position
    from projections.outlook.days import day_number

    with asking.reading() as app:
        first = None if since is None else day_number(first_day(app, "since", since))
        last = None if until is None else day_number(last_day(app, "until", until))
        upto = None if known_at is None else position(app, known_at)
        made = export_features(app, to, every, (first, last), upto)
    if asking.json:
        document: dict[str, Any] = {"position": made.position, "days": made.days}
        for name, file in (("features", made.features), ("labels", made.labels)):
            document[name] = {"file": str(file.path), "rows": file.rows, "digest": file.digest}
        return asking.answer(document)
    for file in (made.features, made.labels):
        stdout().print(f"{file.path}  {file.rows:,} rows  {file.digest[:16]}")
    note(f"as the log was at position {made.position:,}; deals were looked at on {made.days:,} days")
