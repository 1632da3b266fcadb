"""The verb `master-key rotate`: what seals personal fields is replaced."""

from infra.cli.grammar import App
from infra.cli.groups import LOG
from infra.cli.options import HERE, Options, stdout


def register(app: App) -> None:
    """Add the verb."""
    app.noun("master-key", "The key under which the keys of persons are wrapped.", LOG).command(rotate)


def rotate(*, asking: Options = HERE) -> None:
    """Replace the master key and destroy the old one: older backups open nothing any more, so make a new one next.

    The key file must be that of this log alone. Killed on the way, it goes on when run again.
    """
    from infra.privacy.rotation import rotate as replace_master_key

    with asking.app() as app:
        done = replace_master_key(app.log, app.vault, app.master)
    if asking.json:
        return asking.answer({"keys": done.keys, "finished_earlier": done.finished_earlier})
    said = "an earlier run was finished" if done.finished_earlier else f"keys wrapped anew: {done.keys:,}"
    stdout().text(f"{said}; the old master key is destroyed")
