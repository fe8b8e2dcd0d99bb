"""Who holds GPU memory, by pid."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backends.hostkit.gpu_processes import held_by_pid
from backends.metrics.sample import Gpu, GpuProcess


def gpu(index: int, *processes: tuple[int, int | None]) -> Gpu:
    return Gpu(index=index, processes=tuple(GpuProcess(pid=pid, memory_bytes=memory) for pid, memory in processes))


def test_memory_is_summed_over_gpus_and_contexts() -> None:
    held = held_by_pid((gpu(0, (7, 100), (7, 50)), gpu(3, (7, 1), (8, 5))))
    assert held == {7: (151, (0, 3)), 8: (5, (3,))}


def test_unknown_memory_is_unknown_not_zero() -> None:
    assert held_by_pid((gpu(0, (7, None)),)) == {7: (None, (0,))}
    assert held_by_pid((gpu(0, (7, None)), gpu(1, (7, 5)))) == {7: (5, (0, 1))}
    assert held_by_pid((gpu(0, (7, 0)),)) == {7: (0, (0,))}


def test_a_gpu_that_would_not_say_holds_nobody() -> None:
    assert held_by_pid((Gpu(index=0), Gpu(index=1, processes=()))) == {}


amounts = st.lists(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 99)), max_size=6), max_size=4)


@given(amounts)
def test_nothing_is_lost_and_nothing_counted_twice(rows: list[list[tuple[int, int]]]) -> None:
    held = held_by_pid(tuple(gpu(index, *row) for index, row in enumerate(rows)))
    assert sum(memory or 0 for memory, _ in held.values()) == sum(size for row in rows for _, size in row)
    for pid, (_, places) in held.items():
        assert list(places) == [index for index, row in enumerate(rows) if pid in [one for one, _ in row]]
