"""A log is told from every other one, and from a backup of itself that went on otherwise."""

from pathlib import Path

from infra.store import Log, open_log
from infra.store.log import Append
from tests.store.drafts import drafted


def test_a_log_keeps_its_identity_and_another_one_has_another(log: Log, log_url: str, tmp_path: Path):
    first = log.identity()
    again, other = open_log(log_url), open_log(f"sqlite:///{tmp_path / 'other.db'}")
    try:
        assert len(first) == 32
        assert again.identity() == first
        assert other.identity() != first
    finally:
        again.close()
        other.close()


def test_the_event_at_a_position_is_the_last_one_by_then(log: Log):
    assert log.event_id_at(100) == ""
    drafts = [drafted("lead-1", 1), drafted("lead-1", 2)]
    positions = log.append(Append(drafts)).positions
    assert log.event_id_at(positions[0]) == str(drafts[0].event_id)
    assert log.event_id_at(positions[1] + 50) == str(drafts[1].event_id)
    assert log.event_id_at(positions[0] - 1) == ""
