"""The verb `init`: a new log and the master key that its personal fields will be sealed under."""

from infra.cli.grammar import App
from infra.cli.groups import LOG
from infra.cli.options import HERE, Options, stdout


def register(app: App) -> None:
    """Add the verb."""
    app.command(init, group=LOG)


def init(*, asking: Options = HERE) -> None:
    """Create the log and its master key, where they are not there yet, and say where the key is: keep it safe.

    The first write to a new log does the same. A key that is lost is not made again: nothing would open under it.
    """
    from infra.privacy.rotation import begin

    with asking.app() as app:
        new = begin(app.log, app.vault)
        document = {"log": app.log.identity(), "key_file": str(app.master.path), "new": new}
    if asking.json:
        return asking.answer(document)
    stdout().text(f"log        {document['log']}{', new' if new else ''}")
    stdout().text(f"key file   {document['key_file']}")
