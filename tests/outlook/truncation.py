"""The lives as they were on an earlier day, where the log is not asked for them."""

import numpy as np

from projections.outlook.lives import CENSORED, NEVER, NONE, OPEN, Lives, some_deals, some_visits


def truncated(lives: Lives, cut: int) -> Lives:
    """The lives as of an earlier day, had everything been recorded on the day it happened.

    What changes without leaving a row (owner, team, product, labels, amounts of what is still open) stays as it is now:
    a cut by availability comes from the log itself.
    """
    visits, deals = lives.visits, lives.deals
    kept = deals.opened <= cut
    place = np.cumsum(kept) - 1
    seen = some_visits(visits, visits.since <= cut)
    later = seen.left > cut
    seen = seen._replace(
        deal=place[seen.deal], left=np.where(later, NEVER, seen.left), exit=np.where(later, CENSORED, seen.exit)
    )
    known = some_deals(deals, kept)
    again = known.closed > cut
    stage, entered = np.full(len(again), NONE), np.full(len(again), NONE)
    standing = np.flatnonzero(later)
    stage[seen.deal[standing]], entered[seen.deal[standing]] = seen.stage[standing], seen.entered[standing]
    last = np.full(len(again), -1)
    last[seen.deal[standing]] = standing
    there = again & (last >= 0)
    known = known._replace(
        closed=np.where(again, NEVER, known.closed), status=np.where(again, OPEN, known.status),
        stage=stage, entered=entered, amount=np.where(again, known.amount_open, known.amount),
        category=np.where(there, seen.category[last], known.category),
        due=np.where(there, seen.due[last], known.due), contact=np.where(there, seen.contact[last], known.contact),
        pushes=np.where(there, seen.pushes[last], known.pushes),
    )  # fmt: skip
    return lives._replace(cut=cut, visits=seen, deals=known)
