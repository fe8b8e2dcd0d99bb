"""What the engine remembers of armed rollbacks, and what it learns from hosts that were rebooted, reinstalled or are away."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.backups.placing_model import HostState, Placed, Undone
from backends.backups.rollbacks import Rollback, Rollbacks
from backends.clock import ManualClock
from backends.errors import BadInput, RetryLater, SkipHost, Stop, SwarmError


class Host:
    """Stands for `Placing`: remembers what it was told, answers what it was given."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []
        self.state: HostState | SwarmError = HostState(run="r1", armed=100.0)
        self.undone: Undone | None = None
        self.refusal: SwarmError | None = None

    def store(self, run: str, programs: dict[str, bytes]) -> None:
        self.told.append(("store", run, tuple(programs)))

    def arm(self, run: str, seconds: float, reload: object) -> str:
        if self.refusal:
            raise self.refusal
        self.told.append(("arm", run, seconds, reload))
        return "systemd"

    def confirm(self, run: str, who: str) -> None:
        if self.refusal:
            raise self.refusal
        self.told.append(("confirm", run, who))

    def undo(self, run: str, who: str) -> Undone:
        self.told.append(("undo", run, who))
        return Undone(restored=1, by=who)

    def status(self, run: str) -> tuple[HostState, Placed | None, Undone | None]:
        if isinstance(self.state, SwarmError):
            raise self.state
        return self.state, None, self.undone


class Desk:
    """One host and the engine's memory of it."""

    def __init__(self, folder: Path):
        self.folder, self.host, self.clock = folder, Host(), ManualClock()
        self.waited: list[float] = []
        self.logins: list[SwarmError | str] = []
        self.rollbacks = self.again()

    def again(self) -> Rollbacks:
        """As an engine that is started anew."""
        return Rollbacks(self.folder, lambda host: self.host, self.clock, log_in=self.log_in)  # type: ignore[arg-type, return-value]

    def log_in(self, host: str) -> str:
        answer = self.logins.pop(0)
        if isinstance(answer, SwarmError):
            raise answer
        return answer

    def arm(self, run: str = "r1") -> Rollback:
        made = self.rollbacks.expect(run, "gpu01", title="restore x", who="eve", shown=("/etc/x",), seconds=600.0)
        self.rollbacks.arm(run, ((("systemctl", "reload", "ssh"),),))
        return made

    def settle(self, *, in_effect: bool = True) -> Rollback:
        return self.rollbacks.settle("r1", in_effect=in_effect, wait=self.waited.append)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "rollbacks")


def test_it_is_written_down_before_it_is_armed_and_known_to_the_next_engine(desk: Desk) -> None:
    desk.host.refusal = RetryLater("link lost")
    with pytest.raises(RetryLater):
        desk.arm()
    (known,) = desk.again().waiting()
    assert (known.run, known.host, known.state, known.deadline) == ("r1", "gpu01", "armed", desk.clock.now() + 600)
    assert desk.host.told == [("store", "r1", ("undo",))]


def test_what_cannot_be_written_down_is_not_begun(desk: Desk) -> None:
    desk.folder.rmdir()
    with pytest.raises(Stop, match="cannot be written down"):
        desk.arm()
    assert desk.host.told == []


def test_a_new_login_confirms_it_also_at_the_second_try(desk: Desk) -> None:
    desk.arm()
    desk.logins = [RetryLater("refused"), "by key\x1b[2J"]
    assert desk.settle().text == "confirmed by the engine: a new login works (by key)"
    assert desk.waited == [2.0]
    assert desk.host.told[-1][0] == "confirm"
    assert desk.again().waiting() == ()


@pytest.mark.parametrize(
    ("logins", "text"),
    [
        ([RetryLater("a"), RetryLater("b"), RetryLater("c")], "A NEW LOGIN FAILS: c"),
        ([SkipHost("no way")], "no new login could be tried: no way"),
    ],
)
def test_without_a_login_it_stays_armed_and_says_why(desk: Desk, logins: list[SwarmError | str], text: str) -> None:
    desk.arm()
    desk.logins = logins
    assert desk.settle().state == "armed"
    assert desk.again().of("r1").text == text


def test_a_login_is_not_even_tried_before_the_files_are_in_use(desk: Desk) -> None:
    desk.arm()
    assert desk.settle(in_effect=False).state == "armed"
    assert desk.logins == []


def test_a_person_confirms_or_undoes_it(desk: Desk) -> None:
    desk.arm("r1")
    desk.arm("r2")
    assert desk.rollbacks.confirm("r1", "eve").text == "confirmed by eve"
    assert desk.rollbacks.undo("r2", "mallory").restored == 1
    assert [(each.run, each.state) for each in sorted(desk.again().all(), key=lambda each: each.run)] == [
        ("r1", "confirmed"),
        ("r2", "undone"),
    ]


def test_one_that_was_put_back_cannot_be_confirmed(desk: Desk) -> None:
    desk.arm()
    desk.host.refusal = SkipHost("it was put back already")
    with pytest.raises(SkipHost):
        desk.rollbacks.confirm("r1", "eve")
    assert desk.again().of("r1").state == "armed", "what became of it is asked when its time is over"


def test_nobody_is_asked_before_the_time_is_over(desk: Desk) -> None:
    desk.arm()
    desk.host.state = SkipHost("must not be asked")
    desk.clock.advance(599)
    assert desk.rollbacks.refresh() == ()


@pytest.mark.parametrize(
    ("state", "undone", "ends", "text"),
    [
        (HostState(run="r1", undone=True), Undone(by="the timer"), "undone", "put back by the timer"),
        (HostState(run="r1", undone=True), None, "undone", "put back by the host"),
        (HostState(run="r1", confirmed=True), None, "confirmed", "confirmed on the host"),
        (HostState(run="r1"), None, "gone", "nothing was armed there"),
        (SkipHost("no restore r1 is known here"), None, "gone", "no restore r1 is known here"),
        (RetryLater("no route"), None, "armed", "the host cannot be asked: no route"),
        (HostState(run="r1", armed=-60.0), None, "armed", "its time is over, but the host has not put the files back"),
    ],
)
def test_what_became_of_it_is_asked_when_its_time_is_over(
    desk: Desk, state: HostState | SwarmError, undone: Undone | None, ends: str, text: str
) -> None:
    desk.arm()
    desk.host.state, desk.host.undone = state, undone
    desk.clock.advance(606)
    (found,) = desk.rollbacks.refresh()
    assert found.state == ends and found.text.startswith(text)
    assert desk.rollbacks.refresh() == (), "told once"


def test_a_damaged_record_hurts_no_other_and_a_name_is_no_path(desk: Desk) -> None:
    desk.arm()
    (desk.folder / "r2.json").write_text("{")
    (desk.folder / "r3.json").write_text('{"run":"other","host":"h","title":"","who":""}')
    assert [each.run for each in desk.again().all()] == ["r1"]
    for run in ("../r1", "", "r2"):
        with pytest.raises(BadInput):
            desk.rollbacks.of(run)
