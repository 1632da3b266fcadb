"""The verbs about the log as a whole: `log digest`, `log copy` and `log replay`, by which an auditor checks it."""

from typing import TYPE_CHECKING, Annotated, Any

from domain.errors import Malformed
from infra.application.moments import position
from infra.cli.grammar import App, Parameter
from infra.cli.groups import LOG
from infra.cli.options import HERE, Options, note, stdout
from infra.cli.progress import by_position, progress

if TYPE_CHECKING:
    from infra.application.app import App as Installation
    from infra.store.copying import Copied

WITHOUT_KEYS = (
    "personal fields read [sealed] in the copy: no keys were copied (--with-keys copies those that still exist)"
)
SAME_MASTER = "the copied keys open under the master key of the log that they come from, which is in {}"

To = Annotated[
    str | None, Parameter(help="Up to this position of the log, or this time; by default to its end.", example="500")
]
From = Annotated[
    str | None,
    Parameter(
        name="--from",
        help="The log that is read; by default the one of the settings (DEALTRAIL_DB).",
        example="sqlite:///sales.db",
    ),
]
WithKeys = Annotated[
    bool, Parameter(help="Copy the keys of persons who were not erased: then erase them in the copy too.")
]


def register(app: App) -> None:
    """Add the verbs."""
    log = app.noun("log", "The event log itself.", LOG)
    log.command(digest)
    log.command(copy)
    log.command(replay)


def digest(*, to: To = None, asking: Options = HERE) -> None:
    """Digests as of a position: of the events as stored, of what they say, and of the rows of each table.

    `events` is equal for a log and its copy. `content` looks at what was said alone, whatever the ids, positions and
    times of recording, personal fields opened: equal facts, equal digest. A copy without keys has one of its own.
    Keep the answer elsewhere, and `check --against` it later; `identity` says of which log it is.
    """
    with asking.reading() as app:
        upto = app.log.head() if to is None else position(app, to, "to")
        document = {"identity": app.log.identity(), **digests(app, upto)}
    show(asking, document)


def digests(app: "Installation", upto: int) -> dict[str, Any]:
    """The digests of a log as of a position."""
    from infra.application.digests import content_digest, events_digest

    events, stored = events_digest(app.log, upto)
    _, content = content_digest(app.log, app.vault, upto)
    with app.views() as views:
        tables = views.digest(upto)
    return {"position": upto, "facts": events, "events": stored, "content": content, "tables": tables}


def show(asking: Options, document: dict[str, Any]) -> None:
    """The digests, and whatever else is in a document."""
    if asking.json:
        return asking.answer(document)
    out = stdout()
    out.text(f"{document['facts']:,} events up to position {document['position']:,}")
    stored = {name: document[name] for name in ("identity", "events", "content") if name in document}
    for name, found in {**stored, **document["tables"]}.items():
        out.print(f"{name:<14} {found}")


def copy(*, to: To = None, from_: From = None, with_keys: WithKeys = False, asking: Options = HERE) -> None:
    """Copy a log as it was at a position into a new one (--db): event ids, positions, times of recording and all.

    All of it or nothing: broken off, the new log is empty as before. A log that holds anything is refused. Keys of
    personal data are not copied unless asked for, so that a copy does not outlive an erasure.
    """
    _, copied, upto = copied_from(asking, to, from_, with_keys)
    said = {"position": upto, **copied._asdict()}
    if asking.json:
        return asking.answer(said)
    stdout().text(f"{copied.events:,} events up to position {upto:,}, {copied.answers:,} answers, {copied.keys:,} keys")


def replay(*, to: To = None, from_: From = None, with_keys: WithKeys = False, asking: Options = HERE) -> None:
    """Replay a log up to a position in a new place (--db): copy it there, build every table, and print the digests.

    They are those that `log digest --to POSITION` prints of the log itself.
    """
    _, _, upto = copied_from(asking, to, from_, with_keys)
    with asking.app() as app:
        with app.open_views() as views, progress("building every table", upto) as progressed:
            views.rebuild(progressed=progressed)
        document = digests(app, upto)
    show(asking, document)


def copied_from(asking: Options, to: str | None, source: str | None, with_keys: bool) -> tuple[str, "Copied", int]:
    """Copy a log into the one that is asked: where it is, how much, and up to which position.

    With its keys it gets a key file of its own, unless the settings name one for both.
    """
    from infra.store.copying import copy as copy_log

    if asking.db is None:
        raise Malformed("db: say where the new log goes, such as --db sqlite:///new.db; --from names the one to copy")
    with Options(source, asking.json).reading() as app:
        upto = app.log.head() if to is None else position(app, to, "to")
        said = WITHOUT_KEYS
        if with_keys:
            app.vault.require()
        with progress("copying", upto) as advanced:
            copied = copy_log(app.log, asking.db, upto, with_keys, by_position(advanced))
        if with_keys:
            with Options(asking.db, asking.json).app() as new:
                app.master.copy_to(new.master)
                said = SAME_MASTER.format(new.master.path)
    note(said)
    return asking.db, copied, upto
