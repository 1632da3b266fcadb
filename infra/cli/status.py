"""The verb `status`: where the log and its tables stand."""

import time
from typing import TYPE_CHECKING, Any

import msgspec

from infra.application.answers import day_and_time
from infra.cli.grammar import App
from infra.cli.groups import LOG
from infra.cli.options import HERE, Options, stdout
from infra.cli.output import yellow
from infra.cli.tables import show_faults, show_standing, standing
from infra.store import places

if TYPE_CHECKING:
    from infra.store import Log


def register(app: App) -> None:
    """Add the verb."""
    app.command(status, group=LOG)


def status(*, asking: Options = HERE) -> None:
    """Where the log and the tables that follow it stand."""
    from infra.application.integrity import missing_tail

    with asking.reading() as app:
        head = app.log.head()
        newest = app.log.recorded(head - 1, 1)
        with app.open_views() as views:
            tables = standing(views, head)
            reached = min(each["position"] for each in tables["projections"])
            strayed, faults = views.strayed(), missing_tail(app.log, app.settings.db, views.anchors())
        document: dict[str, Any] = {
            "db": places.place(app.settings.db),
            "position": head,
            "recorded_at": newest[0].recorded_at if newest else None,
            "views": {"position": reached, "lag": head - reached},
            **tables,
            "strayed": strayed,
            "faults": msgspec.to_builtins(faults),
            "key_file": str(app.master.path),
            **relayed(app.settings.db, app.log, head),
            **parked_messages(app.settings.db),
        }
        zone = app.zone()
    if asking.json:
        return asking.answer(document)
    out = stdout()
    out.text(f"log        {document['db']}")
    out.text(
        f"position   {head}" + (f", recorded {' '.join(day_and_time(newest[0].recorded_at, zone))}" if newest else "")
    )
    out.text(f"tables     at position {reached}, {head - reached} behind")
    if strayed:
        out.text("          ", yellow(strayed))
    show_faults(faults)
    show_standing(tables)
    for each in (document["relay"],) if "relay" in document else ():
        late = f", the oldest of them for {each['oldest_seconds']:.0f} s" if each["lag"] else ""
        word = "alive" if each["alive"] else yellow("not running")
        out.text(f"relay      at position {each['position']}, {each['lag']} behind{late}; {each['owner']},", word)
        if "mismatch" in each:
            out.text("          ", yellow("nothing more is published:"), each["mismatch"])
        for one in each.get("parked", ()):
            place = f"{one['stream']}:{one['version']} at position {one['position']}"
            out.text("          ", yellow("parked"), f"{place}: {one['size']} bytes, more than brokers take")
    if "parked_messages" in document:
        found = document["parked_messages"]
        out.text("messages  ", yellow(f"{found['count']} parked,"), "the last of them:")
        for one in found["last"]:
            where = f"{one['topic']}, partition {one['partition']}, offset {one['offset']}"
            out.text(f"           {where}: {one['reason']}")
    out.text(f"key file   {document['key_file']}")


def parked_messages(db: str) -> dict[str, Any]:
    """What a read model could not use of its topics, where there is anything."""
    if places.sqlite_file(db):
        return {}
    from infra.store.replica import parked_at

    count, last = parked_at(db)
    return {"parked_messages": {"count": count, "last": [each._asdict() for each in last]}} if count else {}


def relayed(db: str, log: "Log", head: int) -> dict[str, Any]:
    """How far the log is published, where a relay ever ran; without asking Kafka.

    lag: positions not yet published; oldest_seconds: since the first event among them was recorded.
    """
    from infra.kafka.checkpoint import Kept, mismatch
    from infra.store.leases import RELAY, standing_at

    found = standing_at(db, RELAY)
    if found is None:
        return {}
    unpublished = log.stored_after(found.position, 1)
    age = max(0.0, time.time() - unpublished[0].recorded_at / 1_000_000) if unpublished else 0.0
    lag = max(0, head - found.position)
    told: dict[str, Any] = {"position": found.position, "lag": lag, "oldest_seconds": round(age, 1)}
    told |= {"owner": found.owner, "alive": found.alive}
    kept = Kept.read(found.kept)
    if why := mismatch(log, found.position, kept):
        told["mismatch"] = why
    if kept.parked:
        told["parked"] = [{"stream": name, **msgspec.to_builtins(at)} for name, at in sorted(kept.parked.items())]
    return {"relay": told}
