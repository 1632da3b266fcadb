"""The verb `config`: the settings as they come of the file, the environment and the command line."""

from typing import Any

from infra.cli.grammar import App
from infra.cli.groups import LOG
from infra.cli.options import HERE, Options, stdout


def register(app: App) -> None:
    """Add the verb."""
    app.command(config, group=LOG)


def config(*, asking: Options = HERE) -> None:
    """The settings that hold here, as dealtrail.toml has them; no secret among them, and no URL with its password."""
    from infra.settings import TABLES, without_secrets

    document = without_secrets(asking.settings())
    if asking.json:
        return asking.answer(document)
    out = stdout()
    tables: dict[str, dict[str, Any]] = {name: document[name] for name in TABLES}
    for name, value in document.items():
        if name not in tables:
            out.text(f"{name} = {written(value)}")
    for name, values in tables.items():
        out.text("")
        out.text(f"[{name}]")
        for field, value in values.items():
            out.text(f"{field} = {written(value)}")


def written(value: Any) -> str:
    """A value as TOML has it."""
    from msgspec import json

    return json.encode(value).decode()
