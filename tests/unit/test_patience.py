"""Slow methods get the time that they need, and do not hold up quick ones."""

from __future__ import annotations

from swarm_tui import patience


def test_what_runs_borg_or_asks_hosts_is_waited_for_longer() -> None:
    assert patience.seconds("backups.restore_plan") == patience.SLOW_SECONDS
    assert patience.seconds("updates.plan") == patience.SLOW_SECONDS
    assert patience.seconds("backups.view") == patience.QUICK_SECONDS


def test_what_keeps_a_screen_live_is_quick() -> None:
    live = {"backups.view", "backups.job", "backups.log", "backups.files", "updates.view", "updates.run", "host.get"}
    assert not live & patience.SLOW
