"""Runs one benchmark by name: `python -m tests.benchmarks append --json`."""

import sys
from importlib import import_module
from pathlib import Path


def main() -> None:
    """Hand the arguments to the named module's run()."""
    names = sorted(file.stem for file in Path(__file__).parent.glob("*.py") if not file.stem.startswith("_"))
    if len(sys.argv) < 2 or sys.argv[1] not in names:
        sys.exit(f"usage: python -m tests.benchmarks {{{'|'.join(names)}}} [options]")
    import_module(f"tests.benchmarks.{sys.argv[1]}").run(sys.argv[2:])


if __name__ == "__main__":
    main()
