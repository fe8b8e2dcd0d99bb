"""A dnf plan is the simulated result of exactly the pinned arguments that would be applied."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec import structs

from backends.errors import BadInput
from backends.execution import ExecResult
from backends.updates.dnf import Dnf
from backends.updates.model import HostPlan, Selection
from backends.updates.plan import difference
from tests.unit.updates.captured_host import CapturedHost
from tests.unit.updates.dnf_case import CASES, NOTHING, NOW, Answers, host, up

pytestmark = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
PINNED = Selection(
    packages=("labr-app", "kernel", "nvidia-driver", "labr-new", "labr-puller", "labr-hold", "labr-conf")
)
PIN = "nvidia-driver-3:560.35.03-1.el9.noarch"


def planned(case: Path, selection: Selection, changed: Answers = NOTHING) -> tuple[HostPlan, CapturedHost]:
    inventory = Dnf().inventory(host(case), NOW)
    asked = host(case, changed)
    return Dnf().plan(asked, inventory, selection), asked


def test_the_plan_is_what_dnf_simulates(case: Path) -> None:
    plan, _ = planned(case, PINNED)
    assert plan.error == ""
    assert {each.name: (each.kind, each.installed, each.candidate) for each in plan.changes} == {
        "kernel": ("upgrade", "1.0-1.el9", "1.1-1.el9"),
        "labr-app": ("upgrade", "1.0-1.el9", "1.1-1.el9"),
        "labr-conf": ("upgrade", "1.0-1.el9", "1.1-1.el9"),
        "labr-hold": ("upgrade", "1.0-1.el9", "1.0.5-1.el9"),
        "labr-new": ("install", "", "1.1-1.el9"),
        "labr-old": ("remove", "1.0-1.el9", ""),
        "labr-pulled": ("install", "", "1.1-1.el9"),
        "labr-puller": ("upgrade", "1.0-1.el9", "1.1-1.el9"),
        "nvidia-driver": ("upgrade", "3:550.90.07-1.el9", "3:560.35.03-1.el9"),
    }


def test_what_is_simulated_is_what_would_be_applied(case: Path) -> None:
    plan, asked = planned(case, PINNED)
    simulated = next(argv for argv in asked.asked if "--best" in argv)
    applied = Dnf().apply_argv(plan, "run1")
    assert PIN in plan.arguments
    assert simulated[simulated.index("upgrade") :] == applied[applied.index("upgrade") :]
    assert applied[applied.index("--comment") + 1] == "swarm:run1"
    assert "-y" in applied
    assert "--assumeno" in simulated


def test_fetching_ahead_names_the_same_and_installs_nothing(case: Path) -> None:
    plan, _ = planned(case, PINNED)
    fetch = Dnf().prefetch_argv(plan)
    assert fetch[fetch.index("upgrade") + 1] == "--downloadonly"
    assert fetch[fetch.index("--downloadonly") + 1 :] == plan.arguments


def test_a_reboot_is_foreseen_and_the_timers_rest(case: Path) -> None:
    plan, _ = planned(case, PINNED)
    assert plan.reboot
    assert set(plan.reboot_reasons) == {"kernel (kernel)", "nvidia-driver (gpu-driver)"}
    assert plan.boot_id == "0f0f"
    assert [step.command for step in Dnf().before_steps(plan)] == [("systemctl", "stop", "dnf-makecache.timer")]
    assert [step.always for step in Dnf().after_steps(plan)] == [True]


def test_only_security_takes_the_fix_not_the_newest(case: Path) -> None:
    _, asked = planned(case, Selection(security_only=True))
    named = next(argv for argv in asked.asked if "--best" in argv)
    assert "labr-hold-1.0.5-1.el9.noarch" in named
    assert "labr-lib-1.1-1.el9.noarch" in named
    assert not any(word.startswith("labr-app") for word in named)


def test_by_cve_only_what_fixes_it_is_named(case: Path) -> None:
    _, asked = planned(case, Selection(cves=("CVE-2026-0003",)))
    named = next(argv for argv in asked.asked if "--best" in argv)
    assert named[named.index("upgrade") + 1 :] == ("kernel-1.1-1.el9.noarch",)


def test_what_came_along_unasked_is_said(case: Path) -> None:
    inventory = Dnf().inventory(host(case), NOW)
    known = tuple(each for each in inventory.changes if each.name != "labr-pulled")
    plan = Dnf().plan(host(case), structs.replace(inventory, changes=known), PINNED)
    assert any("labr-pulled" in each.text for each in plan.warnings if each.kind == "pulled-in")


def test_an_impossible_package_is_left_out_and_the_rest_planned(case: Path) -> None:
    """dnf --best refuses everything then; what it names is taken out, and it is asked again."""
    inventory = Dnf().inventory(host(case), NOW)
    free = tuple(structs.replace(each, kept_back="") for each in inventory.changes)
    asked = _Twice(case, "simulate-needy", "simulate-pinned")
    plan = Dnf().plan(asked, structs.replace(inventory, changes=free), Selection(packages=("labr-needy", "labr-app")))
    assert plan.error == ""
    assert "labr-needy-1.1-1.el9.noarch" not in plan.arguments
    assert any("nothing provides" in each.kept_back for each in plan.left_out if each.name == "labr-needy")


def test_a_vanished_version_is_left_out_or_an_error(case: Path) -> None:
    plan, _ = planned(case, Selection(packages=("labr-lib",)), {"--best upgrade": "simulate-vanished"})
    assert "labr-app-0:9.9-1.el9.noarch" in plan.error


def test_a_broken_state_plans_nothing(case: Path) -> None:
    inventory = Dnf().inventory(host(case, {"rpm -qa": "after-killed", "check --duplicates": "check-killed"}), NOW)
    plan = Dnf().plan(host(case), inventory, Selection())
    assert "two versions of labr-slow" in plan.error
    assert plan.command == ()


def test_an_empty_plan_cannot_be_applied(case: Path) -> None:
    plan, _ = planned(case, Selection(packages=("nothing-like-it",)))
    assert plan.changes == ()
    with pytest.raises(BadInput):
        Dnf().apply_argv(plan, "run1")


def test_the_way_back_is_an_undo_by_number(case: Path) -> None:
    after: Answers = {"rpm -qa": "after-good"}
    entry = next(each for each in Dnf().history(host(case), 10) if each.plan == "run1")
    asked = host(case, after)
    asked.answers = {"undo": "undo-simulate", **asked.answers}
    plan = Dnf().rollback_plan(asked, entry, ())
    applied = Dnf().apply_argv(plan, "back")
    assert applied[applied.index("history") :] == ("history", "undo", entry.id)
    kinds = {each.name: (each.kind, each.candidate) for each in plan.changes}
    assert kinds["nvidia-driver"] == ("downgrade", "3:550.90.07-1.el9")
    assert kinds["kernel"] == ("remove", "")


def test_a_part_goes_back_by_naming_the_old_builds(case: Path) -> None:
    entry = next(each for each in Dnf().history(host(case), 10) if each.plan == "run1")
    asked = host(case, {"rpm -qa": "after-good"})
    asked.answers = {"install": "install-simulate", **asked.answers}
    plan = Dnf().rollback_plan(asked, entry, ("nvidia-*", "labr-app", "labr-old", "kernel"))
    assert set(plan.arguments) == {
        "nvidia-driver-3:550.90.07-1.el9.noarch",
        "labr-app-1.0-1.el9.noarch",
        "labr-old-1.0-1.el9.noarch",
    }
    assert [each.name for each in plan.left_out] == ["kernel"]


def test_an_old_build_that_is_gone_is_an_error_not_half_a_way_back(case: Path) -> None:
    entry = next(each for each in Dnf().history(host(case), 10) if each.plan == "run1")
    asked = host(case, {"rpm -qa": "after-good"})
    asked.answers = {"install": "install-gone", **asked.answers}
    plan = Dnf().rollback_plan(asked, entry, ("labr-app",))
    assert "labr-app-0:0.9-1.el9.noarch" in plan.error


def test_what_changed_since_stays(case: Path) -> None:
    entry = next(each for each in Dnf().history(host(case), 10) if each.plan == "run1")
    plan = Dnf().rollback_plan(host(case), entry, ("labr-app",))  # it is at its old version already
    assert plan.error == "nothing to bring back"
    assert [each.kept_back for each in plan.left_out] == ["has changed again since"]


def test_the_approved_words_simulated_again_make_no_difference(case: Path) -> None:
    plan, _ = planned(case, PINNED)
    asked = host(case)
    fresh = Dnf().again(asked, plan)
    assert not difference(plan, fresh)
    assert {each.name: each.cves for each in fresh.changes} == {each.name: each.cves for each in plan.changes}
    words = next(argv for argv in asked.asked if "--best" in argv)
    assert words[words.index("upgrade") + 1 :] == plan.arguments


def test_an_approved_version_that_vanished_is_an_error(case: Path) -> None:
    plan, _ = planned(case, PINNED)
    fresh = Dnf().again(host(case, {"--best upgrade": "simulate-vanished"}), plan)
    assert "not to be had (any more): labr-app-0:9.9-1.el9.noarch" in fresh.error
    assert fresh.error in difference(plan, fresh).sentence()


def test_what_dnf_would_do_besides_by_now_is_a_difference(case: Path) -> None:
    plan, _ = planned(case, PINNED)
    found = difference(plan, Dnf().again(host(case, {"--best upgrade": "simulate-all"}), plan))
    assert {each.name for each in found.added} >= {"labr-lib", "glibc"}
    assert {(then.name, then.candidate, now.candidate) for then, now in found.moved} == {
        ("labr-hold", "1.0.5-1.el9", "1.1-1.el9")
    }


def test_what_somebody_changed_meanwhile_is_a_difference(case: Path) -> None:
    plan, _ = planned(case, PINNED)
    found = difference(plan, Dnf().again(host(case, {"rpm -qa": "after-good"}), plan))
    assert ("labr-app", "1.0-1.el9", "1.1-1.el9") in {
        (then.name, then.installed, now.installed) for then, now in found.moved
    }


def test_a_way_back_is_simulated_again_by_its_number(case: Path) -> None:
    entry = next(each for each in Dnf().history(host(case), 10) if each.plan == "run1")
    asked = host(case, {"rpm -qa": "after-good"})
    asked.answers = {"undo": "undo-simulate", **asked.answers}
    plan = Dnf().rollback_plan(asked, entry, ())
    assert not difference(plan, Dnf().again(asked, plan))
    assert asked.asked.count(next(argv for argv in asked.asked if "undo" in argv)) == 2


def test_going_back_by_number_cannot_be_fetched_ahead(case: Path) -> None:
    asked = host(case, {"rpm -qa": "after-good"})
    asked.answers = {"undo": "undo-simulate", **asked.answers}
    entry = next(each for each in Dnf().history(host(case), 10) if each.plan == "run1")
    assert Dnf().prefetch_argv(Dnf().rollback_plan(asked, entry, ())) == ()


def test_two_simulations_differ_by_what_moved(case: Path) -> None:
    before, after = up("labr-app", "labr-lib").changes, up("labr-lib", "kernel").changes
    assert [each.name for each in Dnf().changed(before, after)] == ["kernel", "labr-app"]
    assert Dnf().changed(before, before) == ()


class _Twice(CapturedHost):
    """Answers the plan's simulation otherwise the second time."""

    def __init__(self, case: Path, *names: str):
        super().__init__(case, host(case).answers)
        self.names = list(names)

    def find(self, argv: Sequence[str]) -> ExecResult:
        if "--best" in argv:
            self.answers["--best upgrade"] = self.names.pop(0)
        return super().find(argv)
