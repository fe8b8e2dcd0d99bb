"""The simulated fleet behaves as hosts do, also where that is no pleasure."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backends.clock import ManualClock
from backends.errors import AskOperator, RetryLater
from backends.maintenance import facts
from backends.maintenance.model import StepKind
from backends.maintenance.places import place_of, step_key
from backends.maintenance.simulated import Fault, SimulatedFleet
from backends.maintenance.steps_text import step
from backends.maintenance.worker import Place, Told
from tests.unit.maintenance.running import hosts, plan, started, then, to_step

STEPS = ("drain", "update", "reboot", "check", "resume", "gate:look at the fans")


def place(step: int, reason: str = "") -> Place:
    made = plan(hosts(1), steps=STEPS, id="r-1")
    key = step_key("r-1", "h0", step, 0)[: -len(f"{step}-0")] + f"{step}-0"
    state = then(started(made), *to_step("h0", step, key=key))
    found = place_of(state, made.hosts[0])
    return Place(run=found.run, host=found.host, number=step, step=found.step, key=key, reason=reason)


def fleet(clock: ManualClock, fault: Fault | None = None) -> SimulatedFleet:
    return SimulatedFleet(hosts(1), clock, faults={"h0": fault} if fault else {})


def test_a_step_goes_on_by_the_clock_and_is_done_once() -> None:
    clock = ManualClock()
    there = fleet(clock)
    update = place(1)
    token = there.begin(update)
    assert there.begin(update) == token
    assert len(there.deeds) == 1
    clock.advance(60.0)
    look = there.look(update)
    assert (look.told, look.state) == (Told.GOING, "downloading")
    assert look.done is not None and 0 < look.done < 1
    clock.advance(400.0)
    assert there.look(update).told is Told.DONE
    assert "libssl3" in there.look(update).facts["packages"]
    assert there.output(update)


def test_a_reboot_is_seen_in_the_world() -> None:
    clock = ManualClock()
    there = fleet(clock)
    there.begin(place(2))
    ups = []
    for _ in range(30):
        ups.append(there.world().hosts["h0"].up)
        clock.advance(10.0)
    assert ups[0] and ups[-1] and not all(ups)


def test_a_host_that_is_not_back_stays_down() -> None:
    clock = ManualClock()
    there = fleet(clock, Fault.NOT_BACK)
    there.begin(place(2))
    clock.advance(3000.0)
    assert there.look(place(2)).told is Told.FAILED
    assert there.world().hosts["h0"].why == "rebooting"


def test_only_our_own_drain_is_undone() -> None:
    clock = ManualClock()
    there = fleet(clock, Fault.DRAINED)
    there.begin(place(0))
    there.begin(place(4))
    clock.advance(60.0)
    there.look(place(4))
    assert there.drained() == {"h0": "alice"}
    mine = fleet(clock)
    mine.begin(place(0))
    assert mine.drained() == {"h0": "r-1"}
    mine.begin(place(4))
    clock.advance(60.0)
    mine.look(place(4))
    assert mine.drained() == {}


def test_a_gate_and_a_refusal_ask_until_somebody_answers() -> None:
    there = fleet(ManualClock(), Fault.ASKS)
    with pytest.raises(AskOperator, match="look at the fans"):
        there.begin(place(5))
    with pytest.raises(AskOperator, match="initrd"):
        there.begin(place(1))
    assert there.begin(place(1, "netboot"))


def test_a_backup_that_was_never_proven_asks() -> None:
    proof = replace(place(0), step=step("proof:models:7d"), key="r-1-h0-p-0")
    with pytest.raises(AskOperator, match="no proof of models") as caught:
        fleet(ManualClock(), Fault.UNPROVEN).begin(proof)
    assert "swarm-tui backup drill h0 --set models" in (caught.value.hint or "")
    there = fleet(ManualClock())
    there.begin(proof)
    look = there.look(proof)
    assert look.told is Told.DONE and "models was restored" in look.text and look.facts[facts.PROOF]


def test_an_unreachable_host_does_not_answer() -> None:
    with pytest.raises(RetryLater):
        fleet(ManualClock(), Fault.UNREACHABLE).begin(place(0))


def test_every_kind_of_step_has_a_worker() -> None:
    assert set(fleet(ManualClock()).workers()) == set(StepKind)
