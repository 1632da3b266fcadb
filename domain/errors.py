"""Everything that dealtrail refuses on purpose.

PipelineError
  Malformed    the input is not something we know how to ask                -> 422, exit 2
  KeyReused    a command id came back with another body                     -> 422, exit 2
  Rejected     the request is clear, the state or a rule forbids it         -> 409, exit 4
  Conflict     somebody else decided first; says which stream moved         -> 409, exit 4
  NotFound     there is no such stream, metric or file                      -> 404, exit 3
  Forbidden    the caller may not ask this                                  -> 403, exit 4
  Unavailable  a store or a broker cannot be reached                        -> 503, exit 1

Anything else that is raised is a bug and crashes loudly.
"""


class PipelineError(Exception):
    """Root of the tree: caught at an edge, where it becomes an exit code or a problem document."""


class Malformed(PipelineError, ValueError):
    """The input is not a request that we know; names the field and the reason.

    Also a ValueError, so that msgspec adds the path of the field when a bound fails while decoding.
    """


class KeyReused(PipelineError):
    """A command id that was answered before came back with another body."""


class Rejected(PipelineError):
    """The request is clear, but the state or a rule forbids it; says what was asked, found and allowed."""


class Conflict(PipelineError):
    """A stream that the decision rests on moved meanwhile; `came_first` are the tags of the facts that moved it."""

    def __init__(self, stream: str, expected: int, actual: int, came_first: tuple[str, ...] = ()) -> None:
        named = f"; {', '.join(came_first)} came first" if came_first else ""
        super().__init__(
            f"{stream} is at version {actual}, the decision was made at version {expected}{named}: read it again"
        )
        self.stream, self.expected, self.actual, self.came_first = stream, expected, actual, came_first


class NotFound(PipelineError):
    """Nothing of that name exists."""


class Forbidden(PipelineError):
    """The caller may not ask this."""


class Unavailable(PipelineError):
    """A database or a broker cannot be reached; says what was tried."""
