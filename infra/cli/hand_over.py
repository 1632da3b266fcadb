"""The verb `opportunity hand-over`: all that somebody works on is given to somebody else, with a result each."""

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

from domain.money import Money
from infra.cli.grammar import App, Parameter
from infra.cli.groups import DEALS
from infra.cli.options import HERE, Options, note, stdout
from infra.cli.output import Column, Output, Table, bold

if TYPE_CHECKING:
    from infra.application.hand_over import Belonging, Outcome

REFUSED = 4  # the exit code where one stayed where it was


def register(app: App) -> None:
    """Add the verb."""
    app.noun("opportunity", group=DEALS).command(hand_over)


def hand_over(
    *,
    to: Annotated[str, Parameter(help="Who gets them.", example="bob")],
    from_: Annotated[
        str | None,
        Parameter(name="--from", help="Whose they are; left out, everybody's in the team.", example="ann"),
    ] = None,
    team: Annotated[str | None, Parameter(help="Only of who is in this team now.", example="team-north")] = None,
    process: Annotated[
        str | None, Parameter(help="Only the deals of this process, and no leads.", example="process-standard")
    ] = None,
    dry_run: Annotated[bool, Parameter(help="Show what would be handed over, and change nothing.")] = False,
    why: Annotated[str | None, Parameter(help="Why, for the record.", example="ann leaves us")] = None,
    on_behalf_of: Annotated[str | None, Parameter(help="For whom it is asked.", example="mia")] = None,
    command_id: Annotated[
        str | None,
        Parameter(
            help="A name of yours for this hand-over: what it did once, it does not again.", example="leaving-ann"
        ),
    ] = None,
    actor: Annotated[str | None, Parameter(help="Who asks (DEALTRAIL_ACTOR).", example="mia")] = None,
    asking: Options = HERE,
) -> int:
    """Hand over all that somebody works on: the open deals, and the leads in work. One result each.

    A deal or a lead that moved meanwhile stays where it is, and says so: the exit code is then 4. Who shares in a deal
    keeps their share.
    """
    from infra.application.hand_over import Envelope, belongings
    from infra.application.hand_over import hand_over as given

    with asking.reading() if dry_run else asking.app() as app:
        rows = belongings(app, to, from_ or "", team or "", process or "")
        if dry_run:
            show_rows(asking, rows, to)
            return 0
        who = actor or app.settings.who
        envelope = Envelope(who, why or "", on_behalf_of or "", command_id or "")
        done, refused = 0, 0
        out = stdout()
        try:
            for outcome in given(app, rows, to, envelope):
                done, refused = done + outcome.ok, refused + (not outcome.ok)
                if asking.json:
                    asking.answer(outcome)
                else:
                    show_outcome(out, outcome, to)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"stopped by the user; {done} are handed over, and stay so") from None
    if not asking.json:
        out.text(f"{done:,} handed over to {to}" + (f", {refused:,} not" if refused else ""))
        if any(row.shared for row in rows):
            note("some are shared: who has a share in a deal keeps it (opportunity change-splits says otherwise)")
    return REFUSED if refused else 0


def show_outcome(out: Output, outcome: "Outcome", to: str) -> None:
    """What became of one, on a line."""
    if outcome.ok:
        out.text(outcome.stream, bold(f"→ {to}"), f"(version {outcome.version})")
    else:
        out.text(outcome.stream, bold(f"{outcome.error}:"), outcome.detail)


def show_rows(asking: Options, rows: Sequence["Belonging"], to: str) -> None:
    """What would be handed over, and what it comes to."""
    if asking.json:
        for row in rows:
            asking.answer(row)
        return
    out = stdout()
    table = Table("deal or lead", "owner", "stage", "account", Column("amount", right=True))
    worth: dict[str, Decimal] = {}
    for row in rows:
        amount = ""
        if row.amount is not None:
            amount = str(Money(row.amount, row.currency))
            worth[row.currency] = worth.get(row.currency, Decimal(0)) + row.amount
        table.add(row.stream, row.owner, f"{row.stage}, shared" if row.shared else row.stage, row.account, amount)
    if rows:
        out.table(table)
    totals = ", ".join(str(Money(amount, currency)) for currency, amount in worth.items())
    out.text(f"{len(rows):,} would go to {to}{f', worth {totals}' if totals else ''}; nothing was changed")
