"""The verbs about persons that read: what is kept of them, and the index by which they are found."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from domain.recorded import Recorded
from infra.application.answers import day_and_time
from infra.application.requests import refuse_unstorable
from infra.cli.grammar import App, Parameter
from infra.cli.groups import DEALS
from infra.cli.options import HERE, Options, note, stdout
from infra.cli.output import Column, Table
from infra.store.places import sqlite_file

if TYPE_CHECKING:
    from infra.application.app import App as Installation

Whom = Annotated[str, Parameter(help="Whose, by the stream that their key is named after.", example="lead-7")]
TRACES = (
    "the bytes of the destroyed key may still be in the database's files: open readers keep them, or a role that may "
    "not clean up. dealtrail master-key rotate makes them useless wherever they are, in backups too."
)


def register(app: App) -> None:
    """Add the verbs."""
    subject = app.noun("subject", group=DEALS)
    for verb in (export, find, clear_index, rebuild_index):
        subject.command(verb)


def traces_destroyed(app: "Installation") -> bool:
    """Whether the bytes of destroyed keys are gone from the database's files; where not, that is said.

    Elsewhere than in a file, backups and logs of writes keep what was deleted.
    """
    gone = app.log.scrub() and bool(sqlite_file(app.settings.db))
    if not gone:
        note(TRACES)
    return gone


def export(whom: Whom, /, *, asking: Options = HERE) -> None:
    """Everything about a person, readable, over all streams, in the order of recording."""
    from infra.cli.timeline import spelled
    from infra.privacy.subjects import gathered

    refuse_unstorable(whom, "subject")
    with asking.reading() as app:
        app.vault.require()
        facts = [fact_document(app, fact) for fact in gathered(app.log, whom)]
        erased, zone = app.vault.erased(whom), app.zone()
    if asking.json:
        return asking.answer({"subject": whom, "erased": erased, "facts": facts})
    title = f"{whom}, erased" if erased else whom
    table = Table(Column("position", right=True), "stream", "happened", "who", "what", "how", "why", title=title)
    for fact in facts:
        who = (" ".join(day_and_time(fact["occurred_at"], zone, seconds=False)), fact["actor"], fact["type"])
        how = [text for _, _, text in spelled(fact["event"])]
        table.add(str(fact["position"]), fact["stream"], *who, how, fact["reason"])
    stdout().table(table)


def fact_document(app: "Installation", fact: Recorded) -> dict[str, Any]:
    """A fact as the timeline shows it, with its stream."""
    from infra.application.timeline import line

    return {"stream": fact.stream, **line(app, fact, app.vault.open(fact.stream, fact.event))}


def find(
    email: Annotated[str, Parameter(help="The address, in any case.", example="ada@alder.example")],
    /,
    *,
    asking: Options = HERE,
) -> None:
    """Whose e-mail address this is or was; nobody can read addresses from the index itself."""
    from infra.privacy.subjects import find as look_up

    refuse_unstorable(email, "email")
    with asking.reading() as app:
        found = look_up(app.log, app.vault, email)
    if asking.json:
        return asking.answer({"subjects": found})
    for subject in found or ["nobody"]:
        stdout().print(subject)


def clear_index(*, asking: Options = HERE) -> None:
    """Destroy the index by which persons are found by e-mail address; none is kept until it is built again."""
    from infra.privacy.subjects import clear_index as clear

    answer(asking, lambda app: clear(app.log, app.vault), "the index is cleared, and none is kept")


def rebuild_index(*, asking: Options = HERE) -> None:
    """Build the index by which persons are found by e-mail address from the log, under a new key."""
    from infra.privacy.subjects import rebuild_index as rebuild

    answer(asking, lambda app: rebuild(app.log, app.vault), "{:,} addresses are in the index")


def answer(asking: Options, act: Callable[["Installation"], Any], said: str) -> None:
    """Do something about the index, and say so."""
    with asking.app() as app:
        count = act(app)
    if asking.json:
        return asking.answer({"addresses": count or 0})
    stdout().text(said.format(count))
