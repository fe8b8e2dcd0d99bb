"""Episodes: what counts as the same trouble, what is kept, what is forgotten."""

from __future__ import annotations

from msgspec.structs import replace

from backends.alerts import episodes
from backends.alerts.model import Alert, Phase, Telling
from tests.unit.alerts.desk import BEGIN, C, W

NEW = Alert(fingerprint="f", rule="r", host="a", first_true=BEGIN)


def test_each_new_firing_is_a_new_episode() -> None:
    first = episodes.fired(NEW, W, BEGIN, BEGIN)
    over = episodes.resolved(first, BEGIN + 5, BEGIN + 6)
    assert (first.episode, over.phase, over.telling.ended) == (1, Phase.RESOLVED, BEGIN + 6)
    assert episodes.fired(over, C, BEGIN + 605, BEGIN + 605).episode == 1
    assert episodes.fired(over, C, BEGIN + 606, BEGIN + 606).episode == 2


def test_what_was_told_ends_as_the_episode_that_it_was_told_as() -> None:
    told = replace(episodes.fired(NEW, W, BEGIN, BEGIN), telling=Telling(told=BEGIN), notified=("mail",))
    over = episodes.resolved(told, BEGIN + 5, BEGIN + 5)
    again = episodes.fired(over, W, BEGIN + 9000, BEGIN + 9000)
    assert again.episode == 1 and again.notified == ("mail",)


def test_an_alert_is_forgotten_once_its_end_is_told_and_its_changes_are_an_hour_old() -> None:
    over = episodes.resolved(episodes.fired(NEW, W, BEGIN, BEGIN), BEGIN, BEGIN)
    assert not episodes.forgettable(over, BEGIN + 3600)
    assert episodes.forgettable(over, BEGIN + 3601)
    assert not episodes.forgettable(replace(over, telling=Telling(told=BEGIN)), BEGIN + 1e6)
    assert not episodes.forgettable(replace(over, phase=Phase.FIRING), BEGIN + 1e6)


def test_after_a_clock_went_back_nothing_lies_in_the_future() -> None:
    alert = replace(episodes.fired(NEW, W, BEGIN, BEGIN), last_data=BEGIN)
    back = episodes.rebased(alert, BEGIN - 100)
    assert back.last_data == back.fired == back.since == back.telling.waiting == BEGIN - 100
    assert back.flips == (BEGIN - 100,) and back.resolved is None
