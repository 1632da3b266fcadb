"""The command line: `dealtrail VERB …`, with exit codes 0 ok, 1 failure, 2 malformed, 3 not found, 4 rejected."""

import sys
from collections.abc import Sequence

from infra.cli.edge import run


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:] if arguments is None else list(arguments)))
