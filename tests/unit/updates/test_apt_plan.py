"""A plan is the simulated result of the very arguments that would be applied, with what the real run would refuse."""

from __future__ import annotations

import msgspec
import pytest
from msgspec import structs

from backends.updates.apt_inventory import take
from backends.updates.apt_plan import again, make, problems, surroundings
from backends.updates.apt_simulate import parse
from backends.updates.model import Caution, HostPlan, Inventory, Selection
from tests.unit.updates.apt_host import OUTPUTS, RecordedHost, text

LAB = Selection(packages=("lab-*",), exclude=("lab-broken", "lab-slow"))


def planned(distro: str, case: str, selection: Selection, **answers: str) -> tuple[HostPlan, RecordedHost]:
    inventory = take(RecordedHost(f"{distro}-pending"), 1.0)
    host = RecordedHost(f"{distro}-plan-{case}", **answers)
    return make(host, inventory, selection), host


@pytest.mark.parametrize("distro", ["debian12", "debian13"])
def test_the_simulation_has_exactly_the_arguments_of_the_change(distro: str) -> None:
    for case, selection in (("all", Selection()), ("security", Selection(security_only=True)), ("lab", LAB)):
        plan, host = planned(distro, case, selection)
        install = plan.command[plan.command.index("-y") :]
        assert plan.error == ""
        assert install[:4] == ("-y", "--no-remove", "--only-upgrade", "install")
        assert install[4:] == plan.arguments
        assert host.words("simulate")[-len(install) :] == install
        assert host.words("sizes-install")[-len(install) :] == install


@pytest.mark.parametrize("distro", ["debian12", "debian13"])
def test_every_named_package_is_pinned(distro: str) -> None:
    plan, _ = planned(distro, "lab", LAB)
    assert plan.arguments == (
        "lab-app=1.1-1",
        "lab-conf=1.1-1",
        "lab-hidden=1.2-1",
        "lab-lib=1.1-1",
        "lab-meta=1.1-1",
        "lab-service=1.1-1",
    )
    assert [each.name for each in plan.changes if each.kind == "install"] == ["lab-part-1.1"]
    assert {each.name for each in plan.left_out} == {"lab-evictor", "lab-held", "lab-phased"}
    assert (plan.download_bytes, plan.disk_bytes, plan.reboot) == (6520, 0, False)


@pytest.mark.parametrize("distro", ["debian12", "debian13"])
def test_security_only_takes_the_security_builds(distro: str) -> None:
    plan, _ = planned(distro, "security", Selection(security_only=True))
    hidden = next(each for each in plan.changes if each.name == "lab-hidden")
    assert (hidden.candidate, hidden.security) == ("1.1-1", True)
    assert "lab-app" not in {each.name for each in plan.changes}


def test_a_kernel_and_core_libraries_want_a_reboot_and_say_why() -> None:
    plan, _ = planned("debian12", "all", Selection())
    assert plan.reboot is True
    assert "linux-image-6.1.0-56-amd64 (kernel)" in plan.reboot_reasons
    assert "libssl3 (core-lib)" in plan.reboot_reasons
    assert plan.disk_bytes == 413_000_000


def test_what_has_to_be_put_back_is_in_the_plan() -> None:
    around = text("debian12-plan-lab", "surroundings.out")
    timers = "timer apt-daily-upgrade.timer loaded active waiting Daily apt upgrade\n"
    plan, _ = planned("debian12", "lab", LAB, surroundings=around + timers)
    assert plan.automatic == ("lab-app", "lab-lib")
    assert plan.timers == ("apt-daily-upgrade.timer",)
    assert len(plan.boot_id) == 36


def test_nothing_wanted_is_an_empty_plan_that_asks_nothing() -> None:
    plan, host = planned("debian12", "lab", Selection(packages=("nothing-*",)))
    assert (plan.changes, plan.error, host.asked) == ((), "", [])


def test_a_blocked_host_is_not_planned() -> None:
    inventory = Inventory(
        host="gpu01",
        manager="apt",
        warnings=(Caution(kind="dirty-dpkg", text="dpkg was interrupted", blocks=True),),
    )
    host = RecordedHost()
    assert make(host, inventory, Selection()).error == "dpkg was interrupted"
    assert host.asked == []


def test_a_blocked_host_with_updates_says_why() -> None:
    inventory = take(RecordedHost("debian12-dirty"), 1.0)
    plan = make(RecordedHost(), inventory, Selection())
    assert (plan.error, plan.changes) == ("lab-broken is half-configured", ())


@pytest.mark.parametrize("distro", ["debian12", "debian13"])
@pytest.mark.parametrize(
    ("trap", "error"),
    [
        ("held-simulated", "would change held packages: lab-held"),
        ("removal", "would remove lab-bystander"),
        ("vanished", "Version '9.9.9' for 'lab-app' was not found"),
        ("unknown", "Unable to locate package lab-nothing"),
    ],
)
def test_what_the_real_run_would_refuse_is_the_plans_error(distro: str, trap: str, error: str) -> None:
    simulation = parse(text(f"{distro}-traps", f"{trap}.out"), text(f"{distro}-traps", f"{trap}.err"))
    assert problems(simulation, rollback=False) == (error,)


def test_a_held_package_is_refused_even_where_the_simulation_is_content() -> None:
    told = text("debian12-traps", "held-simulated.out")
    assert problems(parse(told), rollback=False) == ("would change held packages: lab-held",)


def test_going_back_is_only_allowed_when_asked_for() -> None:
    simulation = parse(text("debian12-rollback", "simulate.out"))
    assert "older version of lab-app" in problems(simulation, rollback=False)[0]
    assert problems(simulation, rollback=True) == ()


def test_a_package_that_apt_passes_over_is_not_reported_as_planned() -> None:
    skipped = text("debian12-traps", "not-installed.out")
    plan, _ = planned("debian12", "lab", LAB, simulate=skipped)
    assert plan.changes == ()
    assert {each.kept_back for each in plan.left_out if each.name == "lab-app"} == {"apt passes over it"}


def test_packages_that_come_along_unasked_are_pointed_out() -> None:
    plan, _ = planned("debian12", "all", LAB)
    found = next(each for each in plan.warnings if each.kind == "pulled-in")
    assert "libperl5.36" in found.text


def test_a_split_driver_family_is_pointed_out() -> None:
    inventory = take(RecordedHost("debian13-family-free"), 1.0)
    split = text("debian13-family-held", "split.out")
    plan = make(RecordedHost("debian13-family-free", simulate=split), inventory, Selection(packages=("libnv*",)))
    assert "family-split" in {each.kind for each in plan.warnings}


def test_a_whole_driver_family_is_planned_together() -> None:
    inventory = take(RecordedHost("debian13-family-free"), 1.0)
    plan = make(RecordedHost("debian13-family-free"), inventory, Selection(packages=("libnv*",)))
    assert plan.arguments == ("libnvidia-compute-510=525.147.05-0lab1", "nvidia-utils-510=525.147.05-0lab1")
    assert "family-split" not in {each.kind for each in plan.warnings}


@pytest.mark.parametrize("distro", ["debian12", "debian13"])
def test_the_same_host_asked_again_says_the_same(distro: str) -> None:
    plan, _ = planned(distro, "lab", LAB)
    host = RecordedHost(f"{distro}-plan-lab", journal="")
    assert again(host, plan) == structs.replace(plan, warnings=())
    assert host.words("simulate")[-len(plan.arguments) :] == plan.arguments


def test_a_host_that_moved_on_says_something_else() -> None:
    plan, _ = planned("debian12", "lab", LAB)
    gone = text("debian12-traps", "vanished.out") + text("debian12-traps", "vanished.err")
    assert again(RecordedHost("debian12-plan-lab", journal="", simulate=gone), plan).error == (
        "Version '9.9.9' for 'lab-app' was not found"
    )
    less = again(RecordedHost("debian12-plan-lab", "debian12-plan-security", journal="", simulate=""), plan)
    assert less.changes == ()


def test_an_interrupted_host_is_not_simulated_again() -> None:
    plan, _ = planned("debian12", "lab", LAB)
    assert again(RecordedHost("debian12-killed"), plan).error.startswith("lab-app is unpacked")


def test_a_way_back_is_asked_for_again_as_a_way_back() -> None:
    plan = msgspec.json.decode((OUTPUTS / "debian12-rollback" / "plan.json").read_bytes(), type=HostPlan)
    found = again(RecordedHost("debian12-rollback"), plan)
    assert (found.error, found.changes) == ("", plan.changes)
    assert found.command == plan.command


def test_surroundings_of_a_host_without_systemd() -> None:
    found = surroundings("boot \nnative arm64\nautomatic a\nautomatic b:i386\n")
    assert (found.boot_id, found.native, found.timers) == ("", "arm64", ())
    assert found.automatic == frozenset({"a", "b:i386"})
