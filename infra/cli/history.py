"""The verb `status`: where the log and its tables stand."""

from cyclopts import App

from infra.cli.asking import HERE, Asking, stdout
from infra.cli.tables import show_standing, standing


def register(app: App) -> None:
    """Add the verb."""
    app.command(status)


def status(*, asking: Asking = HERE) -> None:
    """Where the log and the tables that follow it stand."""
    with asking.app() as app:
        head = app.log.head()
        newest = app.log.recorded(head - 1, 1)
        with app.open_views() as views:
            reached, tables = views.position(), standing(views, head)
        document = {
            "db": app.settings.db.partition("@")[2] or app.settings.db,
            "position": head,
            "recorded_at": newest[0].recorded_at if newest else None,
            "views": {"position": reached, "lag": head - reached},
            **tables,
            "key_file": str(app.settings.key_path),
        }
    if asking.json:
        return asking.answer(document)
    out = stdout()
    out.print(f"log        {document['db']}")
    out.print(f"position   {head}" + (f", recorded {newest[0].recorded_at:%Y-%m-%d %H:%M:%S}Z" if newest else ""))
    out.print(f"tables     at position {reached}, {head - reached} behind")
    show_standing(tables)
    out.print(f"key file   {document['key_file']}")
