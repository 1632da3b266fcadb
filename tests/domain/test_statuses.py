"""One status machine each for leads and deals: the states that facts lead to are those that the machine names."""

from domain import BY_KIND, lead, opportunity
from domain.correction import FactCorrected
from domain.decider import follow
from tests.domain import deals, leads
from tests.domain.table import fold
from tests.golden import example
from tests.offenders import every

MACHINES = {"lead": (lead.NEXT, leads.STATES), "opportunity": (opportunity.NEXT, deals.STATES)}


@every("kind", MACHINES)
def test_a_fact_leads_where_the_machine_says_and_one_that_does_not_fit_nowhere(kind: str):
    decider, (machine, states) = BY_KIND[kind], MACHINES[kind]
    assert {*machine} == {*states} - {"absent"}
    for status, facts in states.items():
        for event in set(decider.events) - {FactCorrected}:
            if status == "absent":
                continue
            state = fold(decider, facts)
            before = type(getattr(state, "before", None)).__name__.lower()
            after = decider.evolve(state, example(event))
            expected, _ = follow(status, before, machine[status].get(event, status))
            assert type(after).__name__.lower() == expected, (status, event)
            if event not in machine[status]:
                assert after == state, (status, event)
