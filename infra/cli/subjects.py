"""The verbs about persons: what is kept of them, forgetting them, and the keys that this rests on."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from domain.recorded import Recorded, Request
from domain.reference.subject import PREFIX, Command, EraseSubject, HoldSubject, ReleaseSubject
from infra.application.answers import day_and_time
from infra.application.requests import refuse_unstorable
from infra.cli.grammar import App, Parameter
from infra.cli.options import HERE, Options, note, stdout
from infra.cli.output import Column, Table, bold
from infra.store.places import sqlite_file

if TYPE_CHECKING:
    from infra.application.app import App as Installation

Whom = Annotated[str, Parameter(help="Whose, by the stream that their key is named after, such as lead-7.")]
Actor = Annotated[str | None, Parameter(help="Who asks (DEALTRAIL_ACTOR).")]
TRACES = (
    "the bytes of the destroyed key may still be in the database's files: open readers keep them, or a role that may "
    "not clean up. dealtrail keys rotate makes them useless wherever they are, in backups too."
)


def register(app: App) -> None:
    """Add the verbs."""
    subject = App(name="subject", help="A person that something is kept of: show it, forget it.")
    for verb in (export, erase, find, hold, release):
        subject.command(verb)
    keys = App(name="keys", help="The keys that personal fields are sealed under.")
    for verb in (rotate, clear_index, rebuild_index):
        keys.command(verb)
    app.command(subject)
    app.command(keys)


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


def erase(
    whom: Whom,
    /,
    *,
    basis: Annotated[str, Parameter(help="By what right, such as GDPR-17-1-b; readable for ever, so no names.")],
    approved_by: Annotated[str, Parameter(help="Who approved it: somebody else than who asks.")],
    actor: Actor = None,
    asking: Options = HERE,
) -> None:
    """Forget a person for ever: their key is destroyed, no figure changes. Refused under a hold."""
    ask(asking, whom, EraseSubject(basis, approved_by), actor)


def hold(
    whom: Whom,
    /,
    *,
    reason: Annotated[str, Parameter(help="What they must be kept for.")],
    actor: Actor = None,
    asking: Options = HERE,
) -> None:
    """Forbid that a person is erased, until they are released."""
    ask(asking, whom, HoldSubject(reason), actor)


def release(
    whom: Whom,
    /,
    *,
    reason: Annotated[str, Parameter(help="Why nothing forbids it any more.")],
    actor: Actor = None,
    asking: Options = HERE,
) -> None:
    """End every hold on a person."""
    ask(asking, whom, ReleaseSubject(reason), actor)


def ask(asking: Options, whom: str, command: Command, actor: str | None) -> None:
    """Ask it, and show what followed; after an erasure also whether its traces are gone from the database's files."""
    with asking.app() as app:
        request = Request(stream=PREFIX + whom, command=command, actor=actor or app.settings.who)
        receipt = app.execute(request)
        facts = [
            {"stream": stream, "version": version, "event": tag}
            for (stream, version), tag in zip(receipt.facts, receipt.types, strict=True)
        ]
        embedded = bool(sqlite_file(app.settings.db))  # elsewhere backups and logs of writes keep what was deleted
        erasing = isinstance(command, EraseSubject)
        gone = erasing and app.log.scrub() and embedded
    if asking.json:
        result = {"traces_destroyed": gone} if erasing else {}
        return asking.answer({"stream": request.stream, "position": receipt.position, "facts": facts, **result})
    for fact in facts:
        stdout().text(str(fact["stream"]), bold(str(fact["event"])), f"(version {fact['version']})")
    if not facts:
        stdout().text(f"{request.stream}: that is so already, nothing was added")
    if erasing and not gone:
        note(TRACES)


def find(email: Annotated[str, Parameter(help="The address, in any case.")], /, *, asking: Options = HERE) -> None:
    """Whose e-mail address this is or was; nobody can read addresses from the index itself."""
    from infra.privacy.subjects import find as look_up

    refuse_unstorable(email, "email")
    with asking.reading() as app:
        found = look_up(app.log, app.vault, email)
    if asking.json:
        return asking.answer({"subjects": found})
    for subject in found or ["nobody"]:
        stdout().print(subject)


def rotate(*, asking: Options = HERE) -> None:
    """Replace the master key and destroy the old one: older backups open nothing any more, so make a new one next.

    The key file must be that of this log alone. Killed on the way, it goes on when run again.
    """
    from infra.privacy.rotation import rotate as replace_master_key

    with asking.app() as app:
        done = replace_master_key(app.log, app.vault, app.master)
    if asking.json:
        return asking.answer({"keys": done.keys, "finished_earlier": done.finished_earlier})
    said = "an earlier run was finished" if done.finished_earlier else f"{done.keys:,} keys are wrapped anew"
    stdout().text(f"{said}; the old master key is destroyed")


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
