"""What each field of a command means, with an example: said once, for the terminal and for schemas."""

from typing import Any, NamedTuple

from infra.application.names import tag_of


class Meaning(NamedTuple):
    """What a field means, and a value of it as JSON has it. How a type is written, each door says itself."""

    text: str
    example: Any


def euros(amount: str) -> dict[str, str]:
    """An amount as JSON has it."""
    return {"amount": amount, "currency": "EUR"}


SEALED = "kept sealed"
CODE = "as a code: 1 to 40 of a-z, 0-9 and hyphens"
STAGES = [
    {"id": "trial", "name": "Trial", "order": 1, "kind": "open", "probability": "0.3", "forecast_category": "pipeline"},
    {"id": "won", "name": "Won", "order": 2, "kind": "won", "probability": "1", "forecast_category": "closed"},
    {"id": "lost", "name": "Lost", "order": 3, "kind": "lost", "probability": "0", "forecast_category": "omitted"},
]
SPREADS = {name: {"mean": "52", "p10": "44", "p50": "52", "p90": "61"} for name in ("amount", "wins")}

FIELDS: dict[str, Meaning] = {
    "achieved": Meaning(
        "What was won, by level and group, the total among them.",
        [{"level": "total", "group": "", "amount": "1300000.00", "wins": 55}],
    ),
    "account": Meaning("The company that would buy, as you call it.", "Alder Clinics"),
    "activity": Meaning("Your id for the activity, by which it is completed later.", "call-1"),
    "amount": Meaning("What the deal is expected to be worth.", euros("12500.00")),
    "answer": Meaning("The answer, one of those that the criterion has.", "yes"),
    "approved_by": Meaning("Who approved it: somebody else than who asks.", "bea"),
    "as_of": Meaning("The day by whose end all was available that counts.", "2026-02-28"),
    "base": Meaning("The currency that is worth something: three letters (ISO 4217).", "USD"),
    "basis": Meaning("By what right; it stays readable for ever, so no names.", "GDPR-17-1-b"),
    "category": Meaning("How sure the deals are that the figure is of.", "commit"),
    "channel": Meaning(f"How they were reached, {CODE}.", "phone"),
    "close_date": Meaning("The day on which the deal is expected to close.", "2026-06-30"),
    "company": Meaning("Where the person works.", "Alder Clinics"),
    "competitor": Meaning(f"Whom the deal went to, {CODE}.", "acme"),
    "contact": Meaning("Your id for this contact.", "call-1"),
    "criteria": Meaning(
        "The questions, in their order: id, question, answers, those that count as met, whether it is required.",
        [{"id": "budget", "question": "Is there a budget?", "answers": ["yes", "no"], "met": ["yes"]}],
    ),
    "criteria_met": Meaning("What the stage that is left asks for, by id, as far as it is met.", ["pain-confirmed"]),
    "criterion": Meaning("Which question of the framework, by its id.", "budget"),
    "currency": Meaning("The currency of all amounts: three letters (ISO 4217).", "USD"),
    "day": Meaning("The day from which on the rate holds, until that of the next one.", "2026-01-31"),
    "deals": Meaning("The digest of the table of single deals, if any.", "2c26b46b68ffc68f"),
    "discount": Meaning("What is taken off the price, as a part of it.", "0.1"),
    "due": Meaning("The day by which it is to be done.", "2026-02-13"),
    "email": Meaning(f"Their address, {SEALED}.", "ada@alder.example"),
    "end": Meaning("The last day of the period, itself included.", "2026-03-31"),
    "evidence": Meaning(f"What the answer rests on, in words, {SEALED}.", "Three sites, one spreadsheet"),
    "figures": Meaning(
        "What is expected by level and group, the total among them, with p10, p50 and p90.",
        [{"level": "total", "group": "", **SPREADS}],
    ),
    "fiscal_year_start": Meaning("The month in which the fiscal year starts, from 1 to 12.", 4),
    "framework": Meaning("The qualification framework whose criteria count.", "framework-bant"),
    "holder": Meaning("Whose figure: a seller, or a team by its name.", "ann"),
    "item": Meaning("Your id for the line.", "line-1"),
    "kind": Meaning(f"What it is, {CODE}.", "discovery-call"),
    "lead": Meaning("The lead that became this deal, where there was one.", "lead-7"),
    "low_confidence": Meaning("Why not to rely on it, in words.", ["creation jumped"]),
    "manager": Meaning("Who manages the team.", "mia"),
    "map_to": Meaning("The stage that its deals are to be moved to; it moves none itself.", "negotiation"),
    "members": Meaning("Who sells in the team from now on, all of them.", ["ann", "bob"]),
    "model": Meaning("A name for the model, by which its forecasts are told from others.", "boosted-trees"),
    "name": Meaning("What people call it.", "Subscription plans"),
    "note": Meaning(f"What else is to be kept, in words, {SEALED}.", "Live by spring"),
    "opportunity": Meaning("The deal whose win made the account a customer.", "opportunity-7"),
    "override_reason": Meaning(
        f"Why it is right although criteria are not met, in words, {SEALED}.", "known for years"
    ),
    "owner": Meaning("Who works on it.", "ann"),
    "phone": Meaning(f"Their number, {SEALED}.", "+49 30 1234567"),
    "position": Meaning("The position of the log that was read.", 4711),
    "probability": Meaning("The chance of winning the deal, whatever its stage says.", "0.35"),
    "process": Meaning("The sales process whose stages the deal moves through.", "process-standard"),
    "product": Meaning("What is sold, as you call it.", "Team plan"),
    "qualifying_stage": Meaning("The open stage from which on a deal counts as generated; empty, the first.", "trial"),
    "quantity": Meaning("How many units of the product.", "2.5"),
    "quote": Meaning("The currency that it is worth something in: three letters (ISO 4217).", "EUR"),
    "rate": Meaning("How many units of the other currency one unit is worth.", "0.0061"),
    "reason": Meaning(f"Why, in words, {SEALED}.", "a zero too many"),
    "replacement": Meaning(
        "What the fact should have said, whole, with its type; left out, the fact is taken away.",
        {"type": "owner-changed", "from": "ann", "to": "bea"},
    ),
    "replaces": Meaning(
        "The computed figure that was seen; left out, the one at the time of asking.", euros("9000.00")
    ),
    "seed": Meaning("What all chance in it began from.", 17),
    "settings": Meaning("The digest of the settings of the model.", "9f86d081884c7d65"),
    "shares": Meaning(
        "Each seller's part, which come to 1; none, and it is all the owner's.",
        [{"owner": "ann", "share": "0.6"}, {"owner": "bob", "share": "0.4"}],
    ),
    "source": Meaning("Where the lead came from.", "website"),
    "stage": Meaning("Which stage, by its id.", "proposal"),
    "stage_mapping": Meaning(
        "Where deals go whose stage the version has no more: new stage by old one.", {"trial": "proposal"}
    ),
    "stages": Meaning("The stages in their order: open ones, and at least one won and one lost.", STAGES),
    "start": Meaning("The first day of the period, itself included.", "2026-01-01"),
    "survivor": Meaning("The one that it is the same as, and that goes on.", "opportunity-8"),
    "text": Meaning(f"What is to be done, in words, {SEALED}.", "send the offer"),
    "to_stage": Meaning("The open stage to go on in; left out, the one that it was closed in.", "negotiation"),
    "unit_price": Meaning("What one unit costs before the discount.", euros("1250.00")),
    "until": Meaning("The day on which to look at the lead again.", "2026-09-01"),
    "version": Meaning("Which fact of the stream is wrong, by its version, as the timeline counts.", 2),
    "weights": Meaning(
        "What each forecast counts that was blended, from 0 to 1.", [{"name": "model", "weight": "0.7"}]
    ),
    "zone": Meaning("The zone in which days begin: an IANA name.", "Europe/Berlin"),
}
"""By the name of a field, for every command that has it."""
SPECIAL: dict[tuple[str, str], Meaning] = {
    ("capture-lead", "name"): Meaning(f"Their name, {SEALED}.", "Ada Abel"),
    ("enrich-lead", "name"): Meaning(f"Their name, {SEALED}.", "Ada Abel"),
    ("publish-framework", "name"): Meaning("What people call it.", "BANT"),
    ("rename-stage", "name"): Meaning("What people call the stage from now on.", "Trial under way"),
    ("change-team", "name"): Meaning("What people call the team.", "North"),
    ("convert-lead", "opportunity"): Meaning("A name for the deal; left out, it gets one.", "opportunity-7"),
    ("convert-lead", "stage"): Meaning("The stage that it begins in; left out, the first.", "discovery"),
    ("open-opportunity", "stage"): Meaning("The stage that it begins in; left out, the first.", "discovery"),
    ("win-opportunity", "account"): Meaning("The company that bought, where it was not said before.", "Alder Clinics"),
    ("win-opportunity", "amount"): Meaning("What it was won for; left out, what was expected.", euros("12500.00")),
    ("open-customer", "account"): Meaning("The company that bought, as you call it.", "Alder Clinics"),
    ("lose-opportunity", "reason"): Meaning(f"Why it was lost, {CODE}.", "price"),
    ("disqualify-lead", "reason"): Meaning(f"Why it is none, {CODE}.", "no-budget"),
    ("merge-lead", "survivor"): Meaning("The lead that it is the same as, and that goes on.", "lead-8"),
    ("open-opportunity", "name"): Meaning(f"What people call the deal, {SEALED}.", "Plans for three clinics"),
    ("convert-lead", "name"): Meaning(f"What people call the deal, {SEALED}.", "Plans for three clinics"),
    ("rename-opportunity", "name"): Meaning(
        f"What people call the deal from now on, {SEALED}.", "Plans for four clinics"
    ),
    ("change-product", "to"): Meaning("What is sold from now on, as you call it.", "Site plan"),
    ("change-product", "item"): Meaning("Which line item is, by its id, where the deal has several.", "line-1"),
    ("correct-amount", "amount"): Meaning("What the deal was really won for.", euros("11500.00")),
    ("withdraw-purchase", "opportunity"): Meaning("The deal that is won no more.", "opportunity-7"),
    ("change-stage", "to"): Meaning("The open stage that the deal is in from then on, by its id.", "proposal"),
    ("change-amount", "to"): Meaning("What the deal is now expected to be worth.", euros("9500.00")),
    ("change-close-date", "to"): Meaning("The day on which it is now expected to close.", "2026-09-30"),
    ("change-owner", "to"): Meaning("Who works on it from then on.", "bob"),
    ("change-account", "to"): Meaning("The company that would buy, as you call it.", "Birch Labs"),
    ("change-forecast-category", "to"): Meaning("The category; left out, that of its stage counts again.", "commit"),
    ("set-quota", "amount"): Meaning("What is to be won in the period.", euros("250000.00")),
    ("submit-forecast", "amount"): Meaning("The figure that is committed to.", euros("180000.00")),
    ("adjust-forecast", "amount"): Meaning("The figure in the place of the computed one.", euros("180000.00")),
    ("adjust-forecast", "holder"): Meaning(
        "Whose figure: a seller, a team by its name, or empty for everybody.", "ann"
    ),
    ("issue-outlook", "version"): Meaning("Which one of the model, by its version.", "3"),
    ("retire-stage", "stage"): Meaning("Which stage nobody enters any more, by its id.", "proposal"),
}
"""Where a field means something of its own in a command, by the command's tag."""
ENVELOPE: dict[str, Meaning] = {
    "occurred_at": Meaning(
        "When it happened, if not now: a time, or a day, which means its end.", "2026-01-31T09:30:00Z"
    ),
    "reason": Meaning(f"Why, for the record, {SEALED}.", "as agreed by phone"),
    "on_behalf_of": Meaning("For whom it is asked.", "bea"),
    "command_id": Meaning(
        "A name of yours for this request: asked again, it is answered as the first time.", "order-4711"
    ),
    "correlation_id": Meaning("The conversation that this belongs to.", "import-2026-01"),
    "actor": Meaning("Who asks (DEALTRAIL_ACTOR).", "ann"),
    "expected_version": Meaning("The version that you have seen, 0 for none: refused if others came first.", 3),
}
"""What stands beside a command in a request."""


def meaning_of(command: type[Any], field: str) -> Meaning:
    """What a field of a command means."""
    if meaning := SPECIAL.get((tag_of(command), field)) or FIELDS.get(field):
        return meaning
    raise LookupError(f"infra/application/meanings.py: say what {field} of {tag_of(command)} means")
