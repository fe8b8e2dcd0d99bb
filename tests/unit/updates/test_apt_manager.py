"""apt does all that the engine asks of a package manager, and puts back what it took away."""

from __future__ import annotations

import msgspec
import pytest

from backends.updates.apt import Apt
from backends.updates.base import Manager
from backends.updates.model import Change, Holder, HostPlan
from tests.unit.updates.apt_host import OUTPUTS, text

APT: Manager = Apt()
PLAN = HostPlan(
    host="gpu01",
    manager="apt",
    arguments=("app=2",),
    changes=(Change(name="app", installed="1", candidate="2"),),
    automatic=("app", "lib:i386"),
    timers=("apt-daily.timer",),
)


def test_timers_are_stopped_and_started_again_even_after_a_failure() -> None:
    assert [step.command for step in APT.before_steps(PLAN)] == [("systemctl", "stop", "apt-daily.timer")]
    after = APT.after_steps(PLAN)
    assert ("systemctl", "start", "apt-daily.timer") in [step.command for step in after]
    assert all(step.always for step in after)


def test_automatic_packages_are_marked_so_again() -> None:
    assert APT.after_steps(PLAN)[0].command[-4:] == ("apt-mark", "auto", "app", "lib:i386")


def test_nothing_to_put_back_is_no_step() -> None:
    plan = HostPlan(host="gpu01", manager="apt")
    assert APT.before_steps(plan) == APT.after_steps(plan) == ()


def test_holding_and_releasing() -> None:
    assert APT.hold_argv(["a", "b"], True)[-4:] == ("apt-mark", "hold", "a", "b")
    assert APT.hold_argv(["a"], False)[-3:] == ("apt-mark", "unhold", "a")


@pytest.mark.parametrize("distro", ["debian12", "debian13"])
def test_progress_counts_what_was_planned(distro: str) -> None:
    plan = msgspec.json.decode((OUTPUTS / f"{distro}-apply-fine" / "plan.json").read_bytes(), type=HostPlan)
    status = text(f"{distro}-apply-fine", "apply.status")
    assert APT.progress(plan, status, "")[0] == len(plan.changes)
    assert APT.progress(plan, "", "") == (0, "", None)


def test_the_holder_that_is_waited_for() -> None:
    assert APT.holder(text("debian12-locked", "waited.out")) == Holder(pid=71, command="apt-get")
    assert APT.holder("") is None


def test_what_differs_between_two_simulations() -> None:
    one, two, newer = (Change(name="a", installed="1", candidate=version) for version in ("2", "2", "3"))
    new = Change(name="b", kind="install", candidate="1")
    assert APT.changed([one], [two]) == ()
    assert APT.changed([one], [newer]) == (newer, one)
    assert APT.changed([one], [one, new]) == (new,)
    assert APT.changed([one, new], [one]) == (new,)


def test_repairs_are_explicit_and_never_delete_a_lock() -> None:
    repairs = {repair.id: repair for repair in APT.repairs()}
    assert set(repairs) == {"apt-configure", "apt-fix", "apt-clear-partial", "apt-clear-lists", "apt-clean"}
    assert {"--force-confold", "--configure"} <= set(repairs["apt-configure"].command)
    assert "--no-remove" in repairs["apt-fix"].command
    assert all("lock" not in word or "-not" in repair.command for repair in repairs.values() for word in repair.command)
    assert len({repair.text for repair in repairs.values()}) == len(repairs)
