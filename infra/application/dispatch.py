"""Carries requests to the streams that decide them, and appends what follows: the one way to write."""

import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid5

from msgspec.structs import replace

from domain.errors import PipelineError
from domain.history import History
from domain.lead import CaptureLead, ConvertLead
from domain.opportunity import OpenOpportunity
from domain.recorded import Request, micros
from infra.application.batch import LATEST, Batch
from infra.application.forecast_baseline import is_incomplete
from infra.application.histories import Histories
from infra.application.names import DEFAULTS
from infra.application.receipts import Outcome, Receipt
from infra.identifiers import uuid7
from infra.privacy.vault import Vault
from infra.store.log import Log

ATTEMPTS = 500  # decisions on one request, where other writers keep coming first
PATIENT = 3  # attempts after which one waits a moment, so that others get done
LONGEST_WAIT = 0.02  # seconds
OPENERS: dict[type, str] = {CaptureLead: "lead", OpenOpportunity: "opportunity"}
"""The commands that may begin a stream which nobody has named, with its kind."""
NAMES = UUID("6ba9a4e8-3f0e-5b52-9d35-0d6a5b6f7c11")  # what streams are named within

Complete = Callable[[Request], Request]
"""Looks up what a request leaves out, in the log and the tables as they stand."""


class Dispatcher:
    """Loads, decides, appends. Holds no rule of its own, and may be used by one thread at a time.

    `cached` keeps histories between calls: for bulk jobs. Every version that a decision saw is asserted by the
    append, so that a stale history shows as a conflict and is decided anew. `complete` is asked for what a request
    leaves out; without it such a request is refused.
    """

    def __init__(
        self,
        log: Log,
        vault: Vault,
        clock: Callable[[], datetime] | None = None,
        cached: bool = False,
        complete: Complete | None = None,
    ) -> None:
        self.log, self.vault, self.complete = log, vault, complete
        self.clock = clock or (lambda: datetime.now(UTC))
        self.histories = Histories(log, vault, cached)

    def execute(self, request: Request) -> Receipt:
        """Do what one request asks, or raise why not."""
        [outcome] = self.execute_all([request])
        if isinstance(outcome, PipelineError):
            raise outcome
        return outcome

    def execute_all(self, requests: Sequence[Request]) -> list[Receipt | PipelineError]:
        """Decide requests one after the other and append all that follows in one go; one refused leaves the rest.

        A request whose stream others keep moving is a Conflict, after ATTEMPTS decisions. Raises Unavailable where the
        log cannot be reached.
        """
        groups = self.execute_groups([[request] for request in requests])
        return [group if isinstance(group, PipelineError) else group[0] for group in groups]

    def execute_groups(self, groups: Sequence[Sequence[Request]]) -> list[Outcome]:
        """What became of groups of requests: of each group everything happens or nothing. Raises as `execute_all`.

        A request that leaves something out waits for those before it, which it may depend on.
        """
        outcomes, waiting = list[Outcome](), list[Sequence[Request]]()
        for group in groups:
            group = [with_names(request) for request in group]
            if self.complete and any(map(is_incomplete, group)):
                outcomes += self._execute(waiting)
                waiting = []
                try:
                    group = [self.complete(request) for request in group]
                except PipelineError as refusal:
                    outcomes.append(refusal)
                    continue
            waiting.append(group)
        return outcomes + self._execute(waiting)

    def _execute(self, groups: Sequence[Sequence[Request]]) -> list[Outcome]:
        """Decide groups, and those again whose streams others moved meanwhile, until nothing is left."""
        outcomes: dict[int, Outcome] = {}
        left = list(range(len(groups)))
        for attempt in range(1, ATTEMPTS + 1):
            if not left:
                break
            self.histories.update()
            decided, moved = self._batch([groups[place] for place in left]).run()
            outcomes |= dict(zip(left, decided, strict=True))
            left = [left[index] for index in sorted(moved)]
            if left and attempt == PATIENT:
                self.histories.clear()  # they may be of a log that was put back to an earlier state
            if left and attempt > PATIENT:
                time.sleep(random.uniform(0, min(LONGEST_WAIT, 0.001 * attempt)))  # noqa: S311 - not for secrets
        return [outcomes[place] for place in range(len(groups))]

    def _batch(self, groups: Sequence[Sequence[Request]]) -> Batch:
        return Batch(self.histories, micros(self.clock()), groups)

    def history(self, stream: str) -> History:
        """The history of one stream."""
        return self.histories[stream]


def with_names(request: Request) -> Request:
    """The request with a name for each stream that it opens and leaves unnamed.

    The name is made of actor and command id, so that a repeated request is the same one; of chance without an id.
    That of what a command's fields say is made of them.
    """
    if not request.stream and (opened := OPENERS.get(type(request.command))):
        request = replace(request, stream=stream_name(opened, request))
    elif not request.stream and (default := DEFAULTS.get(type(request.command))):
        request = replace(request, stream=default(request.command))
    if isinstance(request.command, ConvertLead) and not request.command.opportunity:
        request = replace(request, command=replace(request.command, opportunity=stream_name("opportunity", request)))
    return request


def stream_name(of: str, request: Request) -> str:
    """A name for a stream of a kind that a request opens."""
    if request.command_id:
        identity = "\x1f".join((of, request.actor, request.command_id))
        return f"{of}-{uuid5(NAMES, identity)}"
    return f"{of}-{uuid7(micros(datetime.now(UTC)))}"


__all__ = ["LATEST", "Dispatcher", "Receipt", "stream_name"]
