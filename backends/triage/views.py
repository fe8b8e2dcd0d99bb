"""What the engine tells of its triages, as plain frozen data: the results of the API methods `triage.*`. Pure."""

from __future__ import annotations

from typing import Literal

from msgspec.structs import replace

from backends.metrics.sample import Record
from backends.states import Severity
from backends.triage.difference import Difference
from backends.triage.matrix import Matrix, matrix
from backends.triage.model import Bundle, StepState

Standing = Literal["waiting", "asking", "done", "failed"]
"""`waiting`: for its turn, nothing was asked of the host yet."""
DEADLINE_SECONDS = (2.0, 5.0, 1.0, 10.0, 3.0, 5.0, 3.0, 2.0, 3.0)
"""What the steps 1–9 are given on the host (`hostkit/programs/triage.py`); they go on side by side."""
ANSWER_SECONDS = 15.0
"""Within which a host has answered or is given up."""


class Kept(Record, frozen=True, kw_only=True):
    """One bundle that is kept, as far as a list shows it."""

    id: int
    host: str
    time: float
    state: StepState
    severity: Severity
    reason: str
    text: str
    """The verdict strip."""

    @property
    def good(self) -> bool:
        """Nothing was wrong in it, as far as could be seen."""
        return is_good(self.severity, self.state)


class Outcome(Record, frozen=True, kw_only=True):
    """One host of a round."""

    host: str
    standing: Standing = "waiting"
    asked: float | None = None
    """Epoch seconds, by the engine's clock."""
    seconds: float = 0.0
    """Since it was asked, or that it took."""
    number: int | None = None
    """Under which its bundle is kept."""
    bundle: Bundle | None = None
    """Without its sections: `triage.get` has them."""
    kept: str = ""
    """Why the bundle is kept in memory alone; "" when it is kept."""
    error: str = ""
    """Why there is no bundle."""
    hint: str = ""

    @property
    def ended(self) -> bool:
        return self.standing in ("done", "failed")


class Round(Record, frozen=True, kw_only=True):
    """Hosts that were asked together."""

    id: int
    begun: float
    now: float
    reason: str = ""
    actor: str = ""
    outcomes: tuple[Outcome, ...] = ()

    @property
    def ended(self) -> bool:
        return all(each.ended for each in self.outcomes)


class Compared(Record, frozen=True, kw_only=True):
    """Result of `triage.difference`."""

    number: int
    host: str
    time: float
    other: int | None
    """Number of the bundle that it is compared with."""
    other_host: str
    other_time: float
    other_severity: Severity
    why: str
    """Why that one: "the same GPU model, well 2h ago"."""
    differences: tuple[Difference, ...] = ()
    """The likeliest to matter first."""

    @property
    def title(self) -> str:
        """Whom it is compared with: "gpu08", "its bundle 7"."""
        return self.other_host if self.other_host != self.host else f"its bundle {self.other}"


def is_good(severity: Severity, state: StepState) -> bool:
    """Whether nothing was wrong, as far as could be seen: without root there is always something that could not."""
    seen = severity is Severity.UNKNOWN and state.rank <= StepState.WARN.rank
    return severity is Severity.OK or seen


def bare(bundle: Bundle) -> Bundle:
    """The bundle without its sections: verdict and steps."""
    return replace(bundle, sections=())


def grid(outcomes: tuple[Outcome, ...]) -> Matrix:
    """The matrix of those that have ended."""
    bundles = [each.bundle for each in outcomes if each.bundle is not None]
    failed = {each.host: each.error or "no bundle" for each in outcomes if each.standing == "failed"}
    return matrix(bundles, failed)


def worst(outcomes: tuple[Outcome, ...]) -> Severity:
    """The worst verdict; a host that gave none is unknown."""
    found = [each.bundle.strip.severity if each.bundle is not None else Severity.UNKNOWN for each in outcomes]
    return max(found, key=lambda each: each.rank, default=Severity.UNKNOWN)
