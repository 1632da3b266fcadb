"""The verbs `db init|backup|restore`: the whole of an installation at its place."""

from typing import TYPE_CHECKING, Annotated, Any

from infra.cli.grammar import App, Parameter
from infra.cli.groups import LOG
from infra.cli.options import HERE, Options, note, stdout

if TYPE_CHECKING:
    from infra.operations.backup import Backup


def register(app: App) -> None:
    """Add the verbs."""
    db = app.noun("db", "The log with what stands beside it: set up, backed up and put back.", LOG)
    db.command(init)
    db.command(backup)
    db.command(restore)


def init(*, asking: Options = HERE) -> None:
    """Create the log, its key and its control tables, or bring these up to this version: before each upgrade's start.

    What is there and of this version stays as it is; what a newer version made is refused.
    """
    from infra.control import open_control
    from infra.privacy.rotation import begin

    with asking.app() as app:
        new = begin(app.log, app.vault)
        control = open_control(app.settings.db, app.log.identity())
        try:
            step = control.applied()
        finally:
            control.close()
        document = {"log": app.log.identity(), "key_file": str(app.master.path), "new": new, "control": step}
    if asking.json:
        return asking.answer(document)
    out = stdout()
    out.text(f"log        {document['log']}{', new' if new else ''}")
    out.text(f"key file   {document['key_file']}")
    out.text(f"control    at step {step}")


def backup(
    file: Annotated[
        str, Parameter(help="The file to write: a new one, which its owner alone will read.", example="backup.db")
    ],
    *,
    asking: Options = HERE,
) -> None:
    """Write the log as it is now into one file, with its API keys and the relay's place, while others write to it.

    The master key is not in it: keep a copy of that elsewhere. `keys` of persons erased later are: back up anew after
    `master-key rotate`, and let go of older backups.
    """
    from infra.operations.backup import back_up

    show(asking, back_up(asking.settings(), file), "backed up")


def restore(
    file: Annotated[str, Parameter(help="The backup.", example="backup.db")],
    *,
    asking: Options = HERE,
) -> None:
    """Put a backup back at the place of the log (--db), where nothing may be, and read all of it through."""
    from infra.operations.backup import restore as put_back

    show(asking, put_back(asking.settings(), file), "restored")


def show(asking: Options, found: "Backup", word: str) -> None:
    """What a backup holds, and where the key to it is."""
    from msgspec import to_builtins

    document: dict[str, Any] = to_builtins(found)
    if asking.json:
        return asking.answer(document)
    out = stdout()
    out.text(f"{word:10} {found.file}")
    out.text(f"log        {found.identity}")
    out.text(f"position   {found.position}")
    if found.digest:
        out.text(f"events     {found.events:,}, digest {found.digest}")
    out.text(f"key file   {found.key_file}, which is not in the backup")
    if not found.key_there:
        note("the key file is not there: personal fields read [sealed] until it is put back")
