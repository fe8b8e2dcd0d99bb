"""A tab asks for what it draws, and an answer spans the window however young the host is."""

from __future__ import annotations

from backends.engine.wire import History, Series
from swarm_tui.present.host_history import MAXIMUM_SERIES, find, tracks, wanted
from tests.unit.present.host_samples import detail


def test_a_tab_asks_only_for_what_it_draws_and_the_engine_has() -> None:
    assert wanted("cpu", detail()) == ("cpu.busy_percent", "cpu.iowait_percent")
    assert wanted("disk", detail()) == ("disk.nvme0n1.busy_percent",)
    assert wanted("health", detail()) == ()
    assert wanted("cpu", detail(series=())) == ()


def test_one_gpu_alone_asks_for_its_four_graphs() -> None:
    assert len(wanted("gpu", detail(), 0)) == 4
    assert wanted("gpu", detail(), 1) == ("gpu.1.utilisation_percent",)


def test_a_request_is_bounded() -> None:
    many = tuple(f"net.eth{index}.rx_bytes_per_second" for index in range(500))
    assert len(wanted("network", detail(series=many))) == MAXIMUM_SERIES


def test_a_short_history_is_filled_up_in_front() -> None:
    history = History(
        host="x", start=0.0, interval_seconds=10.0, series=(Series(name="a", unit="percent", points=(1.0, 2.0)),)
    )
    assert tracks(history, 60.0)["a"] == (None, None, None, None, 1.0, 2.0)
    assert tracks(history, 10.0)["a"] == (2.0,)
    assert tracks(None, 60.0) == {}


def test_a_nonsensical_interval_does_not_break_the_picture() -> None:
    history = History(
        host="x", start=0.0, interval_seconds=0.0, series=(Series(name="a", unit="percent", points=(1.0,)),)
    )
    assert list(tracks(history, 60.0)["a"]) == [1.0]


def test_the_first_known_name_wins() -> None:
    assert find({"b": (1.0,)}, "a", "b") == (1.0,)
    assert find({}, "a") == ()
