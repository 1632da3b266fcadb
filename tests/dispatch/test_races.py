"""Several writers: each change is recorded once, and a stale history never decides."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from msgspec.structs import replace

from domain.errors import Conflict, Rejected
from domain.opportunity.closing import LoseOpportunity, ReopenOpportunity
from domain.opportunity.progress import ChangeStage, StageChanged
from domain.opportunity.terms import ChangeAmount, ChangeOwner, OwnerChanged
from domain.reference.process import STANDARD
from tests.dispatch.asking import DEAL, LEAD, OPEN, asked, eur, events

# Several writers


def test_of_two_who_ask_the_same_at_once_one_records_it(deal, make, log):
    rounds, barrier = 12, Barrier(2)

    def race(dispatcher):
        found = []
        for n in range(rounds):
            barrier.wait()
            found.append(dispatcher.execute(asked(DEAL, ChangeStage(("proposal", "discovery")[n % 2]))))
        return found

    with ThreadPoolExecutor(2) as pool:
        receipts = [receipt for found in pool.map(race, [make(), make(cached=True)]) for receipt in found]
    moves = [event for event in events(log, DEAL) if isinstance(event, StageChanged)]
    assert [move.to for move in moves] == ["proposal", "discovery"] * (rounds // 2)
    assert sorted(receipt.facts for receipt in receipts if receipt.facts) == [
        ((DEAL, n),) for n in range(2, rounds + 2)
    ]


def test_racing_writers_record_every_change_once_without_a_hole(deal, make, log):
    def write(number_and_dispatcher):
        number, dispatcher = number_and_dispatcher
        for n in range(10):
            while True:  # each loses some races for good: then it asks again, as a caller would
                try:
                    dispatcher.execute(
                        asked(DEAL, ChangeAmount(eur(1000 + number * 100 + n)), command_id=f"c-{number}-{n}")
                    )
                    break
                except Conflict:
                    continue

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(write, enumerate([make(), make(), make(cached=True)])))
    history = log.histories([DEAL])[DEAL]
    assert [recorded.version for recorded in history] == list(range(1, 32))
    changes = [recorded.event for recorded in history[1:]]
    assert sorted(change.to.amount for change in changes) == sorted(
        1000 + k * 100 + n for k in range(3) for n in range(10)
    )
    assert [change.from_ for change in changes[1:]] == [change.to for change in changes[:-1]]


def test_two_who_make_the_key_of_one_person_at_once_agree_on_it(dispatcher, make, log):
    barrier = Barrier(4)

    def contact(number):
        mine = make()
        barrier.wait()
        return mine.execute(asked(f"opportunity-{number}", replace(OPEN, lead=LEAD, note=f"note {number}")))

    with ThreadPoolExecutor(4) as pool:
        assert all(receipt.facts for receipt in pool.map(contact, range(4)))
    notes = [make().history(f"opportunity-{number}").state.deal.opened.note for number in range(4)]
    assert notes == [f"note {number}" for number in range(4)]


def test_a_stale_history_is_noticed_where_it_would_append(deal, make, log):
    bulk = make(cached=True)
    bulk.execute(asked(DEAL, ChangeOwner("bob")))
    deal.execute(asked(DEAL, ChangeOwner("cleo")))
    assert bulk.execute(asked(DEAL, ChangeOwner("dan"))).facts == ((DEAL, 4),)
    assert events(log, DEAL)[-1] == OwnerChanged("cleo", "dan")


def test_a_stale_history_is_noticed_where_there_seems_to_be_nothing_to_do(deal, make, log):
    bulk = make(cached=True)
    bulk.execute(asked(DEAL, ChangeOwner("bob")))
    deal.execute(asked(DEAL, ChangeOwner("cleo")))
    assert bulk.execute(asked(DEAL, ChangeOwner("bob"))).facts == ((DEAL, 4),)
    assert events(log, DEAL)[-1] == OwnerChanged("cleo", "bob")


def test_a_stale_history_is_noticed_where_the_command_would_be_refused(deal, make, log):
    bulk = make(cached=True)
    bulk.execute(asked(DEAL, LoseOpportunity("price")))
    deal.execute(asked(DEAL, ReopenOpportunity("again")))
    assert bulk.execute(asked(DEAL, ChangeStage("proposal"))).facts == ((DEAL, 4),)


def test_a_stale_process_is_noticed_although_nothing_is_written_to_it(deal, make, log):
    bulk = make(cached=True)
    bulk.execute(asked("opportunity-8", OPEN))
    deal.execute(asked("process-standard", replace(STANDARD, name="Revised")))
    bulk.execute(asked("opportunity-9", OPEN))
    assert [events(log, stream)[0].process_version for stream in ("opportunity-8", "opportunity-9")] == [1, 2]


def test_nothing_of_a_conflict_stays_in_a_cached_history(deal, make, log):
    bulk = make(cached=True)
    bulk.execute_all([asked(DEAL, ChangeOwner("bob")), asked("opportunity-8", OPEN)])
    deal.execute(asked(DEAL, LoseOpportunity("price")))
    lost, moved = bulk.execute_all([asked(DEAL, ChangeOwner("dan")), asked("opportunity-8", ChangeStage("proposal"))])
    assert isinstance(lost, Rejected)
    assert moved.facts == (("opportunity-8", 2),)
    assert events(log, "opportunity-8")[1:] == [StageChanged("discovery", "proposal", 1, "forward")]
