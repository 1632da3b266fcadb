"""Whether a forecast is issued in time: when its day is over, and before what came of it could be told."""

from datetime import timedelta

from domain import BY_KIND
from domain.errors import Malformed, Rejected
from domain.history import History
from domain.recorded import Request
from domain.reference.outlook import IssueOutlook
from infra.application.moments import Installation

LATEST = timedelta(days=31)
"""How long after its day a forecast may be issued: a scheduler may be late, but nobody forecasts the past."""


def check_in_time(app: Installation, request: Request, command: IssueOutlook) -> None:
    """Raise Rejected for a forecast as of a day that is not over or long past when it is issued, whoever made it, and
    Malformed for a position that the log has not reached. One that stands already may be asked for again.
    """
    head = app.log.head()
    before = History(request.stream, BY_KIND["outlook"], app.log.facts([request.stream], head).get(request.stream, ()))
    if before.state and (command.as_of, command.model) in before.state.issued:
        return
    today = (request.occurred_at or app.now()).astimezone(app.zone()).date()
    if command.as_of >= today:
        raise Rejected(f"as_of: {command.as_of} is not over, so not all of it is known")
    if (ago := today - command.as_of) > LATEST:
        raise Rejected(
            f"as_of: {command.as_of} is {ago.days} days ago, and a forecast is issued within {LATEST.days}:"
            " what is made afterwards is a backtest"
        )
    if command.position > head:
        raise Malformed(f"position: {command.position} is not reached yet, the log is at {head}")
