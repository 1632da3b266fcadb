"""Judges what callers ask: who they are by key or token, what their roles allow, and whose records they see."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NoReturn

from msgspec import Struct
from msgspec.structs import replace

from domain import KINDS, kind
from domain.errors import Forbidden, Malformed, NotFound, PipelineError, Unavailable
from domain.lead.capture import CaptureLead
from domain.opportunity.opening import OpenOpportunity
from infra.application.app import App
from infra.control import Control
from infra.identity import keys, policy
from infra.identity.audit import Audit
from infra.identity.caller import Action, Caller, Target, Unauthorized
from infra.identity.ownership import led_by, owners_now
from infra.identity.tokens import Tokens
from infra.store.clock import now

if TYPE_CHECKING:
    from infra.application.questions import Text

OPENINGS = (CaptureLead, OpenOpportunity)
"""The commands that say whose a new record is."""
RECORDS_NAMED = ("survivor", "lead", "opportunity")
"""The fields of commands that name another record."""
NOTHING: "Mapping[str, Text]" = {}
HOW = "send a key or an access token: Authorization: Bearer …"


class Judge:
    """Implements `Access` for an installation whose callers show keys, or tokens of an issuer, or either."""

    waits = True

    def __init__(
        self,
        app: App,
        audit: Audit,
        control: Control | None = None,
        tokens: Tokens | None = None,
        clock: Callable[[], int] = now,
    ) -> None:
        self._app, self._audit, self._control, self._tokens, self._clock = app, audit, control, tokens, clock

    # Who

    def identify(self, headers: Mapping[str, str]) -> Caller:
        """Who calls. Raises Unauthorized for who shows nothing good, Unavailable where nobody can tell."""
        scheme, _, credential = headers.get("authorization", "").partition(" ")
        credential = credential.strip()
        means = "none" if not credential else "key" if keys.is_key(credential) else "token"
        try:
            if scheme.casefold() != "bearer" or not credential:
                raise Unauthorized(f"nobody is named: {HOW}")
            return self._by_key(credential) if means == "key" else self._by_token(credential)
        except (Unauthorized, Unavailable) as error:
            self._audit.unknown(str(error), means)
            raise

    def _by_key(self, credential: str) -> Caller:
        if self._control is None:
            raise Unauthorized("API keys open nothing here: service.keys is off")
        key = keys.verified(self._control, credential, self._clock())
        return self._known(key.actor, key.roles, key.owner, key.scopes, "key", key.prefix)

    def _by_token(self, credential: str) -> Caller:
        if self._tokens is None:
            raise Unauthorized("access tokens open nothing here: no issuer is configured")
        said = self._tokens.claims(credential)
        return self._known(said.actor, [*said.roles], said.owner, [*said.scopes], "token", said.subject)

    def _known(
        self,
        actor: str,
        roles: Sequence[str],
        seller: str,
        scopes: Sequence[str],
        means: Literal["key", "token"],
        credential: str,
    ) -> Caller:
        """The caller, with what they see now: it changes with the teams and the owners of records."""
        caller = Caller(actor, frozenset(roles), "", scopes=frozenset(scopes), means=means, credential=credential)
        reach = policy.DEALS.reach(caller)
        if reach == "all":
            personal = "service" in caller.roles and "personal" in caller.scopes
            return caller._replace(owner=None, personal=personal)
        if reach is None:  # figures, or what is configured: no records of anybody
            return caller._replace(personal=False)
        led = led_by(self._app, seller) if reach == "team" else led_by(self._app, "")
        owners = (led.members | {seller}) - {""}
        return caller._replace(owner=seller, teams=led.teams, owners=owners, personal=True)

    # What

    def allow(self, caller: Caller, target: Target) -> None:
        """Raise Forbidden where the caller may not do that, NotFound for a record that they may not know of."""
        try:
            reach = policy.check(caller, target)
            if target.stream and reach != "all" and kind(target.stream) in policy.OWNED:
                self._check_owner(caller, target)
        except (Forbidden, NotFound) as error:
            self._refuse(caller, target, error)

    def _check_owner(self, caller: Caller, target: Target) -> None:
        """Raise NotFound unless the record is there and theirs: it reads alike, so that nobody learns what there is."""
        owner = owners_now(self._app, [target.stream])[target.stream]
        opens = target.command in {each.__struct_config__.tag for each in OPENINGS}
        if (owner is None and not opens) or (owner is not None and owner not in caller.owners):
            raise NotFound(f"{target.stream}: there is no such record, or it is not yours to see")

    def filters(self, caller: Caller, action: Action) -> Mapping[str, str]:
        """The parts of a question that are forced on whoever does not see the figures of all."""
        forced = self.narrowed(caller, NOTHING) if action == "figures" else NOTHING
        return {name: value for name, value in forced.items() if isinstance(value, str)}

    def narrowed(self, caller: Caller, texts: "Mapping[str, Text]") -> "Mapping[str, Text]":
        """What is asked of a metric, of one's own deals or of a team's that one leads. Raises Forbidden for others'."""
        target = Target("figures", "figures")
        try:
            reach = policy.check(caller, target)
            if reach == "all":
                return texts
            seller = caller.owner or ""
            if not seller:
                raise Forbidden(f"owner: it is not configured which seller {caller.actor} is")
            if reach == "own" or not caller.teams:
                return _forced(texts, "owner", frozenset({seller}))
            if texts.get("owner") == seller and "team" not in texts:
                return texts
            if "owner" in texts:
                texts = _forced(texts, "owner", caller.owners)
            return _forced(texts, "team", caller.teams)
        except Forbidden as error:
            self._refuse(caller, target, error)

    def owned(self, caller: Caller, command: Struct) -> Struct:
        """The command as the caller may give it: a new record is theirs, where nothing else is said."""
        tag = str(command.__struct_config__.tag)
        target = Target("write", tag, min(KINDS[type(command)]), command=tag)
        try:
            if policy.check(caller, target) == "all":
                return command
            if isinstance(command, OPENINGS) and not command.owner:
                command = replace(command, owner=caller.owner or "")
            self._check_sellers(caller, command)
            self._check_records(caller, command)
            return command
        except (Forbidden, NotFound) as error:
            self._refuse(caller, target, error)

    def _check_sellers(self, caller: Caller, command: Struct) -> None:
        """Raise Forbidden where a new record, or a forecast, is somebody else's."""
        if isinstance(command, OPENINGS) and command.owner not in caller.owners:
            raise Forbidden(f"owner: {command.owner!r} is not a seller whose records are yours")
        holder = getattr(command, "holder", None)
        if holder is not None and holder not in caller.owners | caller.teams:
            raise Forbidden(f"holder: {holder!r} is neither you nor of a team that you lead")

    def _check_records(self, caller: Caller, command: Struct) -> None:
        """Raise NotFound where a command names a record that is there and not theirs."""
        streams = {name: getattr(command, name, "") for name in RECORDS_NAMED}
        others = {name: each for name, each in streams.items() if each and kind(each) in policy.OWNED}
        owners = owners_now(self._app, others.values()) if others else {}
        for name, stream in others.items():
            if (owner := owners[stream]) is not None and owner not in caller.owners:
                raise NotFound(f"{name}: there is no record {stream}, or it is not yours to see")

    def saw_personal(self, caller: Caller, target: Target) -> None:
        """Log that personal data was read in clear."""
        self._audit.personal(caller, target)

    def describe(self) -> str:
        """Who may call."""
        ways = [*(["API keys"] if self._control else []), *(["access tokens"] if self._tokens else [])]
        return f"callers show {' or '.join(ways)}, and see what their roles allow"

    def refused(self, caller: Caller, target: Target, error: PipelineError) -> None:
        """Log a refusal: which field, for the rest repeats what was asked, in words that may be personal."""
        self._audit.refused(caller, target, f"{type(error).__name__}: {str(error).partition(':')[0]}")

    def _refuse(self, caller: Caller, target: Target, error: PipelineError) -> NoReturn:
        self.refused(caller, target, error)
        raise error


def _forced(texts: "Mapping[str, Text]", field: str, theirs: frozenset[str]) -> "Mapping[str, Text]":
    """A question that is of one of theirs. Raises Forbidden where it is of another, Malformed where it must say."""
    asked = texts.get(field)
    if asked is None:
        if len(theirs) > 1:
            raise Malformed(f"{field}: say which one: {', '.join(sorted(theirs))}")
        return {**texts, field: next(iter(theirs))}
    if not isinstance(asked, str) or asked not in theirs:
        raise Forbidden(f"{field}: {asked!r} is not yours to ask for; yours: {', '.join(sorted(theirs))}")
    return texts
