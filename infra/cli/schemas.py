"""The verb `schemas`: the contracts of the topics as files."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from domain.errors import Malformed, Unavailable
from infra.cli.grammar import App, Parameter
from infra.cli.groups import WAYS
from infra.cli.options import HERE, Options, note

VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")


def register(app: App) -> None:
    """Add the verb."""
    app.command(schemas, group=WAYS)


def schemas(
    *,
    out: Annotated[Path, Parameter(help="The folder that they are written to.", example="schemas")],
    release: Annotated[
        str | None,
        Parameter(
            help="Keep them as those of this release too, which later ones must be compatible with.", example="0.1.0"
        ),
    ] = None,
    asking: Options = HERE,
) -> None:
    """Write the JSON Schema of every message, and asyncapi.json with all topics; no log and no broker is asked."""
    from infra.kafka import asyncapi
    from infra.kafka.schemas import schemas

    if release is not None and not VERSION.fullmatch(release):
        raise Malformed(f"release: {release!r} is no version such as 0.1.0")
    found = schemas()
    files = {f"{name}.json": text(schema) for name, schema in found.items()}
    files["asyncapi.json"] = text(asyncapi.document())
    if release is not None:
        files[f"released/{release}.json"] = bundle = text(found)
        kept = out / "released" / f"{release}.json"
        if kept.exists() and kept.read_bytes() != bundle:
            raise Malformed(f"release: {release} was released with other schemas; give a new version")
    try:
        for name, written in files.items():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_bytes(written)
    except OSError as error:
        raise Unavailable(f"out: {error}") from error
    if asking.json:
        return asking.answer({"written": sorted(files)})
    note(f"{len(files)} files in {out}")


def text(schema: Mapping[str, object]) -> bytes:
    """A schema as it is kept: sorted by name, so that it is the same wherever it is made."""
    return msgspec.json.format(msgspec.json.encode(schema, order="sorted"), indent=2) + b"\n"
