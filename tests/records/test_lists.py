"""Lists of records: filtered, sorted and cut into pages, at any moment, with what all of them come to."""

from decimal import Decimal
from typing import Any

import pytest

from domain.errors import Malformed, NotFound
from domain.opportunity.judgement import ChangeSplits, Share
from projections.records import KINDS
from tests.desk import deal, eur
from tests.records.office import Office

FILTERS: dict[str, dict[str, tuple[Any, list[str]]]] = {
    "opportunity": {
        "status": ("won", ["6"]),
        "name": ("CHAIRS", ["1"]),
        "pipeline": ("process-renewals", ["5"]),
        "stage": ("demo", ["1"]),
        "owner": ("ann", ["2", "1"]),
        "shared_with": ("bob", ["1"]),
        "team": ("team-north", ["2", "1", "3"]),
        "account": ("ALDER", ["2", "1"]),
        "product": ("desks", ["2", "4"]),
        "source": ("fair", ["5", "3"]),
        "currency": ("USD", ["2"]),
        "category": ("best-case", ["3"]),
        "lead": ("lead-5", ["5"]),
        "min_amount": ("601", ["2", "1", "4"]),
        "max_amount": ("600.99", ["5", "3"]),
        "closes_since": ("2026-06-21", ["1", "3"]),
        "closes_until": ("2026-06-20", ["2", "5"]),
        "opened_since": ("2026-04-03", ["5", "3", "4"]),
        "opened_until": ("2026-04-02", ["2", "1"]),
        "entered_since": ("may 2026", []),
        "entered_until": ("2026-04-30", ["2", "3", "4"]),
        "due_until": ("2026-06-19", ["2"]),
        "stale": ("yes", ["5"]),
    },
    "lead": {
        "status": (("new", "nurturing"), ["5", "3", "2"]),
        "name": ("archer", ["4", "1"]),
        "owner": ("", ["3"]),
        "team": ("team-south", ["4"]),
        "company": ("alder", ["3", "1"]),
        "source": ("fair", ["5", "2"]),
        "reason": ("no-need", ["4"]),
        "opportunity": ("opportunity-1", ["1"]),
        "captured_since": ("2026-03-04", ["5", "4"]),
        "captured_until": ("2026-03-02", ["2", "1"]),
        "status_since": ("2026-03-12", ["4", "2"]),
        "status_until": ("2026-03-11", ["5", "3", "1"]),
        "contacted": ("yes", ["1"]),
    },
    "process": {"name": ("renew", ["renewals"]), "retired": ("yes", [])},
    "framework": {"name": ("bant", ["own"])},
    "team": {"name": ("NOR", ["north"]), "manager": ("", ["south"]), "member": ("cy", ["south"])},
    "subject": {"status": ("held", ["lead-1"]), "subject": ("lead-2", ["lead-2"])},
    "quota": {
        "holder": ("ann", ["26"]), "currency": ("USD", ["26"]), "since": ("2026-04-01", ["26"]),
        "until": ("2026-03-31", ["26"]), "min_amount": ("5000.01", ["26"]), "max_amount": ("5000", ["26"]),
    },
    "rate": {
        "base": ("JPY", ["ecb"]), "quote": ("EUR", ["ecb"] * 3), "since": ("2026-06-01", ["ecb"]),
        "until": ("2026-05-31", ["ecb"] * 2),
    },
    "customer": {"account": ("clinics", 1), "opportunity": ("opportunity-6", 1), "opened_since": ("2026-05-21", 0),
                 "opened_until": ("2026-05-20", 1)},
}  # fmt: skip
"""By kind and filter a value, and which records it leaves of what the office has."""
del FILTERS["opportunity"]["entered_since"]
FILTERS["opportunity"]["entered_since"] = ("2026-05-01", ["5", "1"])
CLOSED = {"reason": ("price", ["7"]), "competitor": ("acme", ["7"])}
WHOLE = {"opportunity": ["2", "5", "1", "3", "4"], "lead": ["5", "4", "3", "2", "1"]}


def test_every_filter_of_every_kind_leaves_what_it_says(office: Office) -> None:
    assert set(FILTERS) == set(KINDS)
    for kind, filters in FILTERS.items():
        assert filters.keys() | (CLOSED if kind == "opportunity" else {}).keys() == KINDS[kind].filters.keys(), kind
        for name, (value, streams) in filters.items():
            found = office.listed(kind, **{name: value})
            if isinstance(streams, int):
                assert (len(found.records), found.count) == (streams, streams), (kind, name)
                continue
            assert [each.stream.partition("-")[2] for each in found.records] == streams, (kind, name)
            assert found.count == len(streams), (kind, name)
    for name, (value, streams) in CLOSED.items():
        assert office.streams("opportunity", status="any", **{name: value}) == streams
    for kind, streams in WHOLE.items():
        assert office.streams(kind) == streams


def test_without_a_status_deals_are_open_ones_and_any_leaves_out_what_counts_nowhere(office: Office) -> None:
    assert office.listed("opportunity").filters == {"status": ["open"]}
    assert sorted(office.streams("opportunity", status="any")) == ["1", "2", "3", "4", "5", "6", "7"]
    assert sorted(office.streams("opportunity", status=("merged", "deleted"))) == ["8", "9"]
    assert office.streams("lead", status="merged") == ["6"]


def test_a_deal_is_listed_for_each_who_shares_it_by_the_name_as_it_is(office: Office) -> None:
    shares = ChangeSplits((Share('o"b,', Decimal("0.5")), Share("Bob", Decimal("0.5"))))
    office.tell("opportunity-s1", deal(eur("1"), owner="ann"), "06-01")
    office.tell("opportunity-s1", shares, "06-01")
    for name, streams in {"bob": ["1"], "Bob": ["s1"], 'o"b,': ["s1"], ("ann", "Bob"): ["1", "s1"]}.items():
        assert sorted(office.streams("opportunity", shared_with=name)) == streams, name
    assert sorted(office.streams("opportunity", shared_with="")) == ["2", "3", "4", "5"]


def test_a_part_of_a_name_is_found_in_any_case_of_any_letters(office: Office) -> None:
    for number, account in enumerate(("Ünal Foods", "ünal ÄRZTE", "GÜNAL"), 1):
        office.tell(f"opportunity-u{number}", deal(eur("1"), account=account), "06-01")
    assert sorted(office.streams("opportunity", account="ünal")) == ["u1", "u2", "u3"]
    assert sorted(office.streams("opportunity", account="ärzte")) == ["u2"]


def test_one_of_several_values_that_there_is_not_is_refused_too(office: Office) -> None:
    assert office.streams("opportunity", owner=("ann", "bob")) == ["2", "1", "3"]
    with pytest.raises(NotFound, match="owner: there is no 'zoe'"):
        office.listed("opportunity", owner=("ann", "zoe"))


def test_texts_that_mean_something_in_sql_are_texts(office: Office) -> None:
    assert office.streams("lead", company="h_e") == ["2"]
    assert office.streams("lead", company="100%") == ["2"]
    assert office.streams("lead", company="h%e") == office.streams("lead", company="'; --\\") == []


UNKNOWN: list[tuple[str, dict[str, Any], str]] = [
        ("opportunity", {"owner": "an"}, "owner: there is no 'an'; there are ann, "),
        ("opportunity", {"team": "team-nord"}, "team: there is no 'team-nord'; there are team-north, team-south"),
        ("opportunity", {"stage": "demmo"}, "stage: there is no 'demmo'; there are demo, "),
        ("opportunity", {"status": "opn"}, "status: there is no 'opn'; there are open, won, lost, merged, "),
        ("opportunity", {"category": "sure"}, "category: there is no 'sure'; there are pipeline, best-case, "),
        ("opportunity", {"view": "min"}, "view: opportunities have no view 'min'; there are mine, due, "),
        ("quota", {"holder": "zoe"}, "holder: there is no 'zoe'; there are ann, team-north"),
        ("lead", {"source": "web"}, "source: there is no 'web'; there are website, "),
        ("deals", {}, "there are no records 'deals'; there are leads, opportunities, "),
]  # fmt: skip


def test_a_value_that_there_is_not_is_refused_with_those_there_are(office: Office) -> None:
    for kind, texts, message in UNKNOWN:
        with pytest.raises(NotFound) as refused:
            office.listed(kind, **texts)
        assert message in str(refused.value)


MALFORMED: list[tuple[str, dict[str, Any], str]] = [
        ("opportunity", {"colour": "red"}, "colour: a list of opportunities has no such part; there are status, "),
        ("lead", {"convert_to": "EUR"}, "convert_to: a list of leads has no such part"),
        ("opportunity", {"convert_to": "EURO"}, "convert_to: 'EURO' is not an ISO 4217 code"),
        ("opportunity", {"limit": "0"}, "limit: '0' is not a number from 1 to 500"),
        ("opportunity", {"limit": "501"}, "limit: '501' is not a number from 1 to 500"),
        ("opportunity", {"limit": "many"}, "limit: 'many' is not a number"),
        ("opportunity", {"sort": "colour"}, "sort: opportunities are sorted by close_date, amount, "),
        ("opportunity", {"min_amount": "1e99"}, "min_amount: 1e99 is not an amount"),
        ("opportunity", {"min_amount": "NaN"}, "min_amount: NaN is not an amount"),
        ("opportunity", {"min_amount": "1,5"}, "min_amount: '1,5' is not an amount such as 1500"),
        ("opportunity", {"min_amount": ("1", "2")}, "min_amount: say one, not 2"),
        ("opportunity", {"closes_since": "soon"}, "closes_since: 'soon' is not a date (2026-01-31), today, "),
        ("opportunity", {"stale": "perhaps"}, "stale: 'perhaps' is neither yes nor no"),
        ("opportunity", {"owner": "a\0b"}, "owner: 'a\\x00b' is not a text that could be stored"),
        ("opportunity", {"owner": ("a",) * 51}, "owner: give 1 to 50 values, not 51"),
        ("opportunity", {"effective_at": "never"}, "effective_at: 'never' is not a date"),
        ("opportunity", {"known_at": "99999"}, "known_at: position 99999 is not reached yet"),
        ("opportunity", {"cursor": "x"}, "cursor: it is not one that a list gave"),
        ("opportunity", {"cursor": "bm90aGluZw"}, "cursor: it is not one that a list gave"),
        ("lead", {"name": " - "}, "name: ' - ' has no word to look for"),
        ("opportunity", {"view": "mine"}, "view: mine is a list of who asks, which nobody says"),
        ("opportunity", {"totals": "maybe"}, "totals: 'maybe' is neither yes nor no"),
]  # fmt: skip


def test_what_cannot_be_asked_is_refused_naming_the_part(office: Office) -> None:
    for kind, texts, message in MALFORMED:
        with pytest.raises(Malformed) as refused:
            office.listed(kind, **texts)
        assert message in str(refused.value)


def test_a_cursor_is_of_its_list_alone(office: Office) -> None:
    cursor = office.listed("opportunity", limit="2").next
    for other in ({"sort": "-amount"}, {"owner": "ann"}, {"convert_to": "EUR"}, {"status": "any"}):
        with pytest.raises(Malformed, match="cursor: it is of another list"):
            office.listed("opportunity", cursor=cursor, **other)
    with pytest.raises(Malformed, match="cursor: it is of another list"):
        office.listed("lead", cursor=cursor)
    with pytest.raises(Malformed, match="leave known_at and effective_at out"):
        office.listed("opportunity", cursor=cursor, known_at="3")
    assert office.streams("opportunity", cursor=cursor, limit="500") == ["1", "3", "4"]


SORTED = {"closed_at": "stage_since", "status_since": "status_since"}


def test_every_sort_of_every_kind_goes_both_ways(office: Office) -> None:
    for kind in KINDS.values():
        for sort in kind.sorts:
            field = SORTED.get(sort, sort)
            for usual in ({"status": "any"}, {}) if kind.name == "opportunity" else ({},):
                there = office.listed(kind.name, sort=sort, **usual).records
                back = office.listed(kind.name, sort=f"-{sort}", **usual).records
                assert len(there) >= 1 and there == back[::-1], (kind.name, sort)
                values = [
                    (each.currency, each.amount) if sort == "amount"
                    else (each.pipeline, each.stage) if sort == "stage"
                    else str(getattr(each, field) or "~") if sort == "close_date"
                    else getattr(each, field)
                    for each in there
                ]  # fmt: skip
                assert values == sorted(values), (kind.name, sort)


def test_by_amount_in_one_currency_all_currencies_mix(office: Office) -> None:
    # 600 EUR; 601 EUR of line items; 4,000 USD at 0.9; 250.75 EUR; 90,000 JPY at 0.006: 540 EUR
    assert office.streams("opportunity", sort="-amount", convert_to="EUR") == ["2", "1", "5", "4", "3"]
    assert office.streams("opportunity", sort="-amount") == ["2", "4", "1", "5", "3"]
    assert office.streams("opportunity", min_amount="540", convert_to="EUR", sort="amount") == ["4", "5", "1", "2"]
    assert office.streams("opportunity", max_amount="1000", convert_to="USD") == ["5", "1", "3"]
    through = {"convert_to": "USD", "base_currency": "EUR"}  # 90,000 JPY are 600 USD
    assert office.streams("opportunity", max_amount="1000", **through) == ["5", "1", "3", "4"]


def test_totals_are_those_of_the_board_whatever_the_page(office: Office) -> None:
    for asked in ({}, {"owner": ""}, {"currency": "EUR"}, {"convert_to": "EUR"}, {"pipeline": "process-renewals"},
                  {"convert_to": "CHF"}, {"effective_at": "2026-05-22"}, {"known_at": "30"}):  # fmt: skip
        found = office.listed("opportunity", limit="1", **asked)
        board = office.app.ask("board", asked)
        sums: dict[str, list[Any]] = {}
        for row in board.records:
            of = sums.setdefault(row.currency, [0, Decimal(0)])
            of[0], of[1] = of[0] + row.deals, of[1] + row.amount
        assert {each.currency: [each.count, each.amount] for each in found.totals or ()} == sums, asked
        assert found.left_out == board.left_out, asked
        assert found.count == sum(count for count, _ in sums.values()) + sum(board.left_out.values())
        assert (found.known_at, found.effective_at) == (board.known_at, board.effective_at)


def test_totals_may_be_left_out(office: Office) -> None:
    found = office.listed("opportunity", totals="no")
    assert (found.count, found.totals) == (None, None)


def test_views_are_lists_with_a_name(office: Office) -> None:
    assert office.streams("opportunity", caller="ann", view="mine") == ["2", "1"]
    assert office.streams("opportunity", view="due") == ["2"]  # by Sunday, the 21st
    assert office.streams("opportunity", view="closing") == ["2", "5", "1"]
    assert office.streams("opportunity", view="overdue") == ["2"]
    assert office.streams("opportunity", view="stale") == ["5"]
    assert office.streams("lead", view="to-qualify") == ["5", "3"]
    assert office.streams("lead", caller="bob", view="mine") == ["2"]
    assert office.streams("opportunity", caller="cy", view=("mine", "closing")) == ["5"]
    assert office.streams("opportunity", caller="cy", view="mine", owner="bob") == ["3"]
    assert office.listed("opportunity", view="closing").filters == {
        "closes_since": ["this-month"], "closes_until": ["this-month"], "status": ["open"],
    }  # fmt: skip


def test_the_days_of_a_view_are_told_from_the_moment_of_the_list(office: Office) -> None:
    assert office.streams("opportunity", view="overdue", effective_at="2026-06-20") == ["2"]
    assert office.streams("opportunity", view="overdue", effective_at="2026-06-21") == ["2", "5"]
    assert office.streams("opportunity", view="closing", effective_at="2026-07-01") == ["3"]
