"""The verb `completion`: what makes a shell complete the words of this program."""

import sys
from typing import Annotated, Literal

from infra.cli.grammar import App, Parameter
from infra.cli.groups import LOG


def register(app: App) -> None:
    """Add the verb."""
    app.command(completion, group=LOG)


def completion(shell: Annotated[Literal["bash", "zsh", "fish"], Parameter(help="Which shell.")], /) -> None:
    """Print what makes a shell complete verbs and options: eval "$(dealtrail completion bash)"."""
    from infra.cli.helping import completion as script
    from infra.cli.main import application

    sys.stdout.write(script(application(), shell))
