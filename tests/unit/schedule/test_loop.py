"""The loop looks at the wall at least twice a minute and outlives what goes wrong."""

from __future__ import annotations

import threading

from backends.clock import ManualClock
from backends.errors import RetryLater, SwarmError
from backends.schedule.loop import LONGEST_SECONDS, loop


class Heart:
    """Ticks until it has beaten often enough."""

    def __init__(self, *answers: float | Exception | None):
        self.clock, self.stopping = ManualClock(), threading.Event()
        self.answers, self.at = list(answers), [0.0] * 0
        self.problems: list[str] = []
        self.bugs: list[Exception] = []
        self.start = self.clock.now()
        loop(self.tick, self.clock, self.stopping, on_problem=self.problem, on_bug=self.bugs.append)

    def problem(self, error: SwarmError | None) -> None:
        self.problems.append(error.message if error else "")

    def tick(self) -> float | None:
        self.at.append(self.clock.now() - self.start)
        answer = self.answers.pop(0)
        if not self.answers:
            self.stopping.set()
        if isinstance(answer, Exception):
            raise answer
        return None if answer is None else self.start + answer


def test_it_waits_for_what_is_next_but_never_long() -> None:
    assert Heart(9.0, 9000.0, None, 0.0, 0.0).at == [1.0, 9.0, 39.0, 69.0, 70.0]
    assert LONGEST_SECONDS == 30.0


def test_it_outlives_a_problem_and_a_bug() -> None:
    heart = Heart(RetryLater("full"), ValueError("bug"), None)
    assert len(heart.at) == 3 and heart.problems == ["full", ""] and str(heart.bugs[0]) == "bug"
