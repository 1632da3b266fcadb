"""The verbs that look after the tables: `rebuild`, `parked` and `check`."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from domain.errors import Malformed, NotFound, Unavailable
from infra.cli.grammar import App, Parameter
from infra.cli.groups import LOG
from infra.cli.options import HERE, Options, stdout
from infra.cli.output import Column, Table, yellow
from infra.cli.progress import progress

if TYPE_CHECKING:
    from infra.application.digests import KeptDigest
    from infra.application.integrity import Fault
    from infra.views import Checked, Parked, Views
    from infra.views.digests import RowApart

DIFFERENT = 1  # exit code where the tables are not what the log makes of them

Processes = Annotated[int, Parameter(help="How many processes share the work.")]
Against = Annotated[
    str | None,
    Parameter(
        help="A digest of this log that was kept: a file of what `log digest` printed, - for stdin.",
        example="digest.json",
    ),
]


def register(app: App) -> None:
    """Add the verbs."""
    app.command(rebuild, group=LOG)
    app.command(check, group=LOG)
    parked = app.noun(
        "parked", "Streams that the tables follow no further, because a fact of theirs is unreadable.", LOG
    )
    parked.command(parked_list, name="list")
    parked.command(parked_retry, name="retry")


def rebuild(
    *,
    processes: Processes = 1,
    discard_old: Annotated[bool, Parameter(help="Only drop the tables that a rebuild or an upgrade replaced.")] = False,
    asking: Options = HERE,
) -> None:
    """Make all tables anew from the log, beside those that are read until then. Stopped, it goes on when run again."""
    with asking.app() as app, app.open_views() as views:
        if discard_old:
            dropped = [generation.id for generation in views.discard_old()]
            if asking.json:
                return asking.answer({"discarded": dropped})
            return stdout().text(f"discarded  {len(dropped)} sets of tables")
        with progress("tables", app.log.head()) as progressed:
            reached = views.rebuild(checked(processes), progressed)
    if asking.json:
        return asking.answer({"position": reached})
    stdout().text(f"tables     at position {reached}, made anew")


def check(*, processes: Processes = 1, against: Against = None, asking: Options = HERE) -> int:
    """Prove that the log is whole, and that the tables hold what it makes of them at once; exit code 1 if not.

    Names events that cannot be read, are missing or out of order, keys that went without a word, and what the
    database's own check finds; then the first rows in which the tables as kept differ from those made anew. Against a
    digest that was kept it also names another log, one that ends before, and any other history up to its position.
    """
    from infra.application.integrity import Fault, digest_faults, log_faults, missing_tail
    from infra.views.tables import Astray

    kept = None if against is None else kept_from(against)
    with asking.reading() as app, app.open_views() as views:
        damage, remark = app.log.integrity()
        faults = [Fault("database", text) for text in damage] + log_faults(app.log)
        faults += missing_tail(app.log, app.settings.db, views.anchors())
        faults += digest_faults(app.log, kept) if kept else []
        found, reason = None, ""
        try:
            with progress("check", views.position()) as progressed:
                found = views.check(checked(processes), progressed)
        except Astray as error:
            reason = str(error)
        except Unavailable as error:
            if not faults:
                raise
            reason = f"the tables were not compared: {error}"
    tables = msgspec.to_builtins(found) if found else {"tables": reason}
    equal = found is not None and found.equal
    if asking.json:
        listed = {"faults": msgspec.to_builtins(faults), "not_checked": remark}
        asking.answer({"equal": equal, **tables, **listed})
    else:
        show_faults(faults)
        if remark:
            stdout().print(remark)
        if found:
            show_checked(found)
        else:
            stdout().print(reason)
        if equal and not faults:
            stdout().print(verdict(kept))
    return 0 if equal and not faults else DIFFERENT


def verdict(kept: "KeptDigest | None") -> str:
    """What was proven, where nothing was wrong."""
    history = f", and up to position {kept.position:,} its history is the one that was kept" if kept else ""
    return f"the log is whole, and the tables are what it makes{history}"


def kept_from(path: str) -> "KeptDigest":
    """The digest that a file holds, or stdin. Raises NotFound, or Malformed naming the field and the reason."""
    from infra.application.digests import kept_digest

    if path == "-":
        return kept_digest(sys.stdin.buffer.read())
    if not Path(path).exists() or Path(path).is_dir():
        raise NotFound(f"against: there is no file {path}")
    return kept_digest(Path(path).read_bytes())


def show_faults(faults: "Sequence[Fault]") -> None:
    """One line each."""
    for each in faults:
        place = f" at position {each.position}, {each.stream} version {each.version}" if each.version else ""
        stdout().print(f"{each.kind}{place}: {each.text}")


def show_checked(found: "Checked") -> None:
    """Both digests of every table, and the first rows that differ."""
    out = stdout()
    table = Table("table", "as kept", "as rebuilt", "", title=f"position {found.position}")
    for name, kept in found.kept.items():
        rebuilt = found.rebuilt[name]
        table.add(name, kept, rebuilt, "equal" if kept == rebuilt else "different")
    out.table(table)
    for line in dict.fromkeys(apart(found.differences)):
        out.text(line)
    for parked in found.parked:
        out.text(f"{parked.projection}: {parked.stream} is parked at version {parked.version} on one side alone")


def apart(differences: "Sequence[RowApart]") -> Iterator[str]:
    """A line for each row that is on one side alone, or otherwise on the other: with what is another there."""
    sides = {(each.projection, place_of(each), each.present_in): each.row for each in differences}
    for each in differences:
        where = f"{each.projection}: {each.stream}, version {each.version}"
        kept, rebuilt = (sides.get((each.projection, place_of(each), side)) for side in ("kept", "rebuilt"))
        if kept is None or rebuilt is None:
            yield f"{where}, only {each.present_in}: {spelled(each.row)}"
            continue
        others = [name for name in rebuilt if kept.get(name) != rebuilt[name]]
        yield f"{where}: {', '.join(f'{name} {kept.get(name)!r}, rebuilt {rebuilt[name]!r}' for name in others)}"


def place_of(each: "RowApart") -> tuple[Any, ...]:
    """Where on both axes a row of a version stands."""
    return each.stream, each.version, each.row.get("known_from"), each.row.get("effective_from")


def spelled(row: Mapping[str, Any]) -> str:
    """What a row says, without what it leaves open."""
    return ", ".join(
        f"{name} {value!r}" for name, value in row.items() if name not in ("stream", "version") and value not in ("", 0)
    )


def parked_list(*, asking: Options = HERE) -> None:
    """The parked streams, with the fact at which each stopped and why."""
    with asking.reading() as app, app.open_views() as views:
        found = views.parked()
    if asking.json:
        return asking.answer(found)
    show_parked(found)


def parked_retry(
    stream: Annotated[
        str | None, Parameter(help="Which one; all where none is named.", example="opportunity-7")
    ] = None,
    *,
    asking: Options = HERE,
) -> None:
    """Fold parked streams anew from the log: those that work now are followed again."""
    with asking.app() as app, app.open_views() as views:
        freed, still = views.retry(stream)
    if asking.json:
        return asking.answer({"freed": freed, "parked": still})
    stdout().text(f"followed again  {len(freed)}")
    show_parked(still)


def show_parked(found: "list[Parked]") -> None:
    """One line a stream and table."""
    if not found:
        return stdout().text("nothing is parked")
    table = Table("table", "stream", Column("version", right=True), Column("position", right=True), "fact", "error")
    for each in found:
        table.add(each.projection, each.stream, str(each.version), str(each.position), each.tag, each.error)
    stdout().table(table)


def standing(views: "Views", head: int) -> dict[str, Any]:
    """How far each table is, and which sets of tables there are, for `status`."""
    return {
        "projections": [
            {
                "name": each.projection,
                "version": each.version,
                "position": each.position,
                "lag": head - each.position,
                "facts_per_second": round(each.rate),
                "parked": each.parked,
            }
            for each in views.kept()
        ],
        "generations": [
            {"id": each.id, "state": each.state, "built_to": each.upto, "parts": each.shards, "of_this_version": ours}
            for each, ours in views.generations()
        ],
    }


def show_standing(found: dict[str, Any]) -> None:
    """Print where the tables stand, a line each."""
    out = stdout()
    for each in found["projections"]:
        place = f"           {each['name']} {each['version']} at {each['position']:,}, {each['lag']:,} behind"
        parked = [yellow(f"{each['parked']} streams parked")] if each["parked"] else []
        rate = f", {each['facts_per_second']:,} facts/s" if each["lag"] else ""
        out.text(place + rate, *parked)
    for each in found["generations"]:
        of = "" if each["of_this_version"] else ", of another version"
        out.text(f"           set {each['id']}: {each['state']}{of}")


def checked(processes: int) -> int:
    """A number of processes that makes sense, or Malformed."""
    if processes < 1:
        raise Malformed("--processes: at least one has to do the work")
    return processes
