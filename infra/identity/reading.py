"""What one caller reads of an installation: figures and records of what is theirs, personal texts masked or noted."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from domain.errors import Forbidden
from infra.application.app import App
from infra.application.comparison import behind, comparison
from infra.application.explanation import explanation
from infra.application.records import list_of, record_of
from infra.application.timeline import timeline_lines
from infra.identity import policy
from infra.identity.caller import Access, Caller, Target
from infra.identity.opened import Opened
from infra.identity.visibility import seen_answer, seen_differences, seen_rows

if TYPE_CHECKING:
    from infra.application.questions import Text
    from infra.views import Answer
    from projections.records.listing import Listing


class Reading:
    """A caller who reads, for a while: `target` names what for. May be used by one thread."""

    def __init__(self, app: App, access: Access, caller: Caller, target: Target) -> None:
        self.app, self.access, self.caller, self.target = app, access, caller, target
        self.opened = Opened(app, caller.personal)

    def ask(self, metric: str, texts: "Mapping[str, Text]") -> "Answer":
        """A figure of what is theirs, without records that they do not see. Raises as `App.ask`, and Forbidden."""
        of_theirs = self.access.narrowed(self.caller, texts)
        return seen_answer(self.app, self.caller, self.app.ask(metric, of_theirs, of_theirs.keys() - texts.keys()))

    def explain(self, metric: str, texts: "Mapping[str, Text]") -> dict[str, Any]:
        """The rows and events behind a figure, of the records that they see; `hidden` counts the others."""
        of_theirs = self.access.narrowed(self.caller, texts)
        explained = self.app.explain(metric, of_theirs, of_theirs.keys() - texts.keys())
        return seen_rows(self.app, self.caller, explanation(self.app.log, explained))

    def compare(self, first: str, second: str, axis: str, form: str, texts: "Mapping[str, Text]") -> dict[str, Any]:
        """What is different between two moments, of what is theirs; deals that they do not see are counted alone."""
        of_theirs = self.access.narrowed(self.caller, texts)
        forced = of_theirs.keys() - texts.keys()
        compared = comparison(self.app, first, second, axis, form, of_theirs, forced).document(axis, form)
        return seen_differences(self.app, self.caller, compared)

    def behind_comparison(
        self, first: str, second: str, axis: str, form: str, texts: "Mapping[str, Text]"
    ) -> dict[str, Any]:
        """The rows and events behind each step between two moments, of the records that they see."""
        of_theirs = self.access.narrowed(self.caller, texts)
        explained = behind(self.app, first, second, axis, form, of_theirs, of_theirs.keys() - texts.keys())
        return seen_rows(self.app, self.caller, explanation(self.app.log, explained))

    def timeline(self, stream: str, known_at: int, effective_at: int | None) -> list[dict[str, Any]]:
        """The history of a stream; whether it is theirs, `Access.allow` says."""
        lines = timeline_lines(self.opened, stream, known_at, effective_at)
        self.note(stream)
        return lines

    def list(self, kind: str, texts: Mapping[str, Any]) -> "Listing":
        """A page of a list. It is who owns a record today that sees it, also as it was. Raises as `App.list`."""
        caller, owners = self.caller, self.seen_owners(kind, texts)
        with self.app.views() as views:
            who, forced = caller.owner or caller.actor, () if texts.get("owner") else ("owner",)
            listing = list_of(self.opened, views, kind, texts, who, self.opened.veil, forced, owners)
        self.note()
        return listing

    def record(self, kind: str, stream: str, texts: Mapping[str, Any]) -> Any:
        """One record with all that is known of it; whether it is theirs, `Access.allow` says."""
        with self.app.views() as views:
            found = record_of(self.opened, views, kind, stream, texts, self.opened.veil)
        self.note(stream)
        return found

    def seen_owners(self, kind: str, texts: Mapping[str, Any]) -> frozenset[str] | None:
        """The sellers whose records alone they see of a kind; None for all. Raises Forbidden for other sellers."""
        caller = self.caller
        if kind not in policy.OWNED or caller.owner is None:
            return None
        given = texts.get("owner", ())
        owners = (given,) if isinstance(given, str) else tuple(given)
        strange = [owner for owner in owners if owner not in caller.owners]
        if strange or not caller.owners:
            error = Forbidden(
                f"owner: {strange[0]!r} is not a seller whose records are yours"
                if strange
                else f"owner: it is not configured which seller {caller.actor} is"
            )
            self.access.refused(caller, self.target, error)
            raise error
        return caller.owners

    def note(self, stream: str = "") -> None:
        """Say to who judges that personal data was read in clear, where it was."""
        if self.opened.saw_personal:
            self.opened.saw_personal = False
            self.access.saw_personal(self.caller, self.target._replace(stream=stream or self.target.stream))
