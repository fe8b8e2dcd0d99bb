"""What one Arch host could change: everything or nothing, from lists that are not the host's own, security unknown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.errors import BadInput
from backends.updates import pacman_history, pacman_list
from backends.updates.model import HostPlan, Inventory, PackageClass, Selection
from backends.updates.pacman import Pacman
from backends.updates.plan import difference
from tests.unit.updates.captured_host import captured, said
from tests.unit.updates.pacman_case import CASE, FACTS, NOTHING, NOW, Answers, host

EVERYTHING = Selection()


def inventory(changed: Answers = NOTHING) -> Inventory:
    return Pacman().inventory(host(changed), NOW)


def planned(selection: Selection = EVERYTHING, changed: Answers = NOTHING) -> HostPlan:
    return Pacman().plan(host(changed), inventory(changed), selection)


def test_everything_that_could_change_with_its_sizes() -> None:
    found = {each.name: each for each in inventory().changes}
    assert (found["nvidia"].installed, found["nvidia"].candidate, found["nvidia"].size_bytes) == (
        "550.90-1",
        "560.35-1",
        284,
    )
    assert (found["labp-pulled"].kind, found["labp-old"].kind) == ("install", "remove")
    assert found["labp-new"].replaces == ("labp-old",)


def test_security_is_never_known() -> None:
    found = inventory()
    assert not found.security_known
    assert {each.security for each in found.changes} == {None}
    assert "security-unknown" in {each.kind for each in found.warnings}


def test_ignored_packages_are_held() -> None:
    found = inventory()
    assert found.holds == ("labp-held",)
    assert [each.name for each in found.changes if each.held] == ["labp-held"]


def test_lists_that_were_never_fetched_are_not_up_to_date() -> None:
    found = inventory({"sh /var/cache/swarm-tui/pacman": said("clock 5\nboot x\n")})
    assert found.changes == ()
    assert "changes" in found.missing
    assert [each.kind for each in found.warnings if each.blocks] == ["stale-lists"]


def test_one_unmet_dependency_blocks_everything() -> None:
    found = inventory({"pacman -Su --print": "needy-plan"})
    assert {each.kept_back for each in found.changes if not each.held} == {"the whole upgrade is blocked"}
    assert any("labp-nothere>=9" in each.text for each in found.warnings if each.blocks)
    assert "labp-nothere>=9" in planned(changed={"pacman -Su --print": "needy-plan"}).error


@pytest.mark.parametrize(("pids", "kind", "blocks"), [("", "stale-lock", True), ("512", "lock-held", False)])
def test_a_lock_that_nobody_holds_is_a_leftover(pids: str, kind: str, blocks: bool) -> None:
    found = inventory({"sh /var/cache/swarm-tui/pacman": said(f"{FACTS}lock {pids}\n")})
    warning = next(each for each in found.warnings if each.kind == kind)
    assert warning.blocks is blocks
    assert warning.repair == ("pacman-lock" if blocks else "")


def test_the_plan_is_the_whole_upgrade_with_what_goes() -> None:
    plan = planned()
    assert plan.error == ""
    assert len(plan.changes) == 12
    assert [each.name for each in plan.changes if each.kind == "remove"] == ["labp-old"]
    assert plan.download_bytes == 3362
    assert set(plan.reboot_reasons) == {"linux (kernel)", "nvidia (gpu-driver)"}
    assert Pacman().apply_argv(plan, "run1")[-3:] == ("-Su", "--noconfirm", "--noprogressbar")


def test_the_whole_upgrade_simulated_again_makes_no_difference() -> None:
    plan = planned()
    fresh = Pacman().again(host(), plan)
    assert not difference(plan, fresh)
    assert fresh.command == plan.command


def test_a_package_more_or_less_is_a_difference() -> None:
    rows = captured(CASE, "plan").stdout.decode().splitlines(keepends=True)
    later = "".join(rows[1:]) + "lab|labp-late|1.0-1|200|file:///srv/pac/labp-late-1.0-1-any.pkg.tar.zst\n"
    plan = planned()
    found = difference(plan, Pacman().again(host({"pacman -Su --print": said(later)}), plan))
    assert ([each.name for each in found.gone], [each.name for each in found.added]) == (["labp-app"], ["labp-late"])


def test_an_upgrade_that_is_blocked_by_now_is_an_error() -> None:
    plan = planned()
    fresh = Pacman().again(host({"pacman -Su --print": "needy-plan"}), plan)
    assert "labp-nothere>=9" in fresh.error
    assert fresh.error in difference(plan, fresh).sentence()


def test_a_kept_file_that_vanished_is_an_error_of_the_way_back() -> None:
    entry = Pacman().history(host(), 10)[0]
    there = host({"pacman -Q": "after-good"})
    plan = Pacman().rollback_plan(there, entry, ("labp-app", "nvidia"))
    assert not difference(plan, Pacman().again(there, plan))
    fresh = Pacman().again(host({"pacman -Q": "after-good", "pacman -U --print": "back-gone"}), plan)
    assert "labp-app-0.9-1-any.pkg.tar.zst" in fresh.error
    assert difference(plan, fresh).blocked
    assert Pacman().prefetch_argv(plan) == ()


def test_the_planned_lists_become_the_hosts_own_before() -> None:
    steps = Pacman().before_steps(planned())
    assert [step.id for step in steps] == ["take-lists"]


@pytest.mark.parametrize(
    "selection",
    [
        Selection(security_only=True),
        Selection(cves=("CVE-2026-0001",)),
        Selection(packages=("linux",)),
        Selection(exclude=("linux",)),
        Selection(classes=(PackageClass.KERNEL,)),
        Selection(minimum_age_seconds=60.0),
    ],
)
def test_a_part_is_refused(selection: Selection) -> None:
    plan = planned(selection)
    assert plan.error
    with pytest.raises(BadInput):
        Pacman().apply_argv(plan, "run1")


def test_nothing_touches_the_hosts_own_lists() -> None:
    """A refreshed database without an upgrade would make the next -S of anybody a partial upgrade."""
    asked = host()
    Pacman().plan(asked, Pacman().inventory(asked, NOW), Selection())
    synchronised = [argv for argv in asked.asked if "-Su" in argv or "-Qu" in argv or "-Si" in argv]
    assert synchronised
    assert all("--dbpath" in argv for argv in (*synchronised, Pacman().prefetch_argv(planned())))


def test_the_way_back_is_what_was_kept() -> None:
    entry = Pacman().history(host(), 10)[0]
    plan = Pacman().rollback_plan(host({"pacman -Q": "after-good"}), entry, ("labp-app", "nvidia", "labp-new"))
    assert [each.rpartition("/")[2] for each in plan.arguments] == [
        "labp-app-1.0-1-any.pkg.tar.zst",
        "nvidia-550.90-1-any.pkg.tar.zst",
    ]
    assert {each.kind for each in plan.changes} == {"downgrade"}
    assert [each.name for each in plan.left_out] == ["labp-new"]
    assert Pacman().before_steps(plan) == ()


def test_a_replaced_package_does_not_come_back_by_itself() -> None:
    """Measured: pacman refuses the conflict with its successor only when it is applied."""
    entry = Pacman().history(host(), 10)[0]
    plan = Pacman().rollback_plan(host({"pacman -Q": "after-good"}), entry, ("labp-old", "labp-app"))
    assert [each.name for each in plan.left_out] == ["labp-old"]
    assert len(plan.arguments) == 1


def test_what_was_not_kept_is_an_error() -> None:
    entry = Pacman().history(host(), 10)[0]
    gone: Answers = {"pacman -Q": "after-good", "find /var/cache/pacman/pkg": said("")}
    assert "labp-app 1.0-1" in Pacman().rollback_plan(host(gone), entry, ("labp-app",)).error


def test_holding_takes_names_only() -> None:
    assert Pacman().hold_argv(["linux", "nvidia"], True)[-3:] == ("hold", "linux", "nvidia")
    with pytest.raises(BadInput, match="no package name"):
        Pacman().hold_argv(["linux", "a/; rm -rf"], True)


def test_the_log_is_joined_into_transactions() -> None:
    newest, first = Pacman().history(host(), 10)
    moves = {each.name: (each.kind, each.installed, each.candidate) for each in newest.changes}
    assert moves["nvidia"] == ("upgrade", "550.90-1", "560.35-1")
    assert moves["labp-old"] == ("remove", "1.0-1", "")
    assert (newest.ok, first.ok) == (True, True)
    assert newest.command == "pacman -Syu --noconfirm --noprogressbar"


def test_a_killed_transaction_has_no_end() -> None:
    newest = Pacman().history(host({"sh 20000": "log-killed"}), 10)[0]
    assert (newest.ok, newest.error) == (False, "it did not come to its end")


def test_a_way_back_is_a_transaction_as_well() -> None:
    newest = Pacman().history(host({"sh 20000": "log-back"}), 10)[0]
    assert {each.kind for each in newest.changes} == {"downgrade"}


@given(st.text(max_size=300))
def test_any_text_is_a_list(text: str) -> None:
    assert all(each.name for each in pacman_list.upgrades(text))
    assert all(each.name for each in pacman_list.targets(text))
    assert isinstance(pacman_list.replaced(text, {}), dict)
    assert isinstance(pacman_list.kept(text.splitlines()), dict)
    assert isinstance(pacman_list.installed(text), dict)


@given(st.integers(0, 6000))
def test_a_cut_log_is_read_as_far_as_it_goes(end: int) -> None:
    text = captured(CASE, "log").stdout.decode()
    assert len(pacman_history.parse(text[:end], "h")) <= 2


@given(
    st.lists(
        st.sampled_from(
            [
                "[2026-99-99T00:00:00+0000] [ALPM] transaction started",
                "x",
                "[2026-01-01T00:00:00+0000] [ALPM] upgraded a (1 -> 2)",
            ]
        )
    )
)
def test_any_log_is_a_history(lines: list[str]) -> None:
    assert isinstance(pacman_history.parse("\n".join(lines), "h"), tuple)
