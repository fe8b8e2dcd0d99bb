"""The loop that ticks: it waits on a clock that never steps and looks at the wall at least twice a minute.

A machine that slept, a clock that was set: both show at the next look, and nothing here adds up waits to know the time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from backends.clock import Clock
from backends.errors import SwarmError

LONGEST_SECONDS, SHORTEST_SECONDS = 30.0, 1.0


def loop(
    tick: Callable[[], float | None],
    clock: Clock,
    stopping: threading.Event,
    *,
    on_problem: Callable[[SwarmError | None], None],
    on_bug: Callable[[Exception], None],
) -> None:
    """Call `tick` until `stopping`.

    Args:
        tick: does what is due; epoch seconds of when there is something to do next, None: not known.
        clock: ours.
        stopping: ends it.
        on_problem: is told what stood in the way of a tick, and None once it does no more.
        on_bug: is told what must not happen.
    """
    seconds = SHORTEST_SECONDS
    while not clock.wait(stopping, seconds):
        seconds = LONGEST_SECONDS
        try:
            following = tick()
            if following is not None:
                seconds = min(LONGEST_SECONDS, max(SHORTEST_SECONDS, following - clock.now()))
            on_problem(None)
        except SwarmError as error:
            on_problem(error)
        except Exception as error:  # noqa: BLE001 - the loop must outlive a bug
            on_bug(error)
