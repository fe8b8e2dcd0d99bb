"""What one zypper host could change, and the plan for it: patches joined with packages, locks and refusals told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.errors import BadInput
from backends.updates import zypper_patch, zypper_xml
from backends.updates.model import Change, HostPlan, Inventory, Selection
from backends.updates.plan import difference
from backends.updates.zypper import Zypper
from tests.unit.updates.captured_host import captured, said
from tests.unit.updates.zypper_case import CASE, NOTHING, NOW, Answers, host

PINNED = Selection(packages=("labr-app", "kernel", "nvidia-driver", "labr-puller", "labr-hold", "labr-conf"))
LOCKED: Answers = {"locks": "locks", "update --dry-run": "locked-dry-run"}


def inventory(changed: Answers = NOTHING) -> Inventory:
    return Zypper().inventory(host(changed), NOW)


def change(found: Inventory, name: str) -> Change:
    return next(each for each in found.changes if each.name == name)


def planned(selection: Selection, changed: Answers = NOTHING) -> HostPlan:
    return Zypper().plan(host(changed), inventory(), selection)


def test_patches_are_joined_with_the_packages_that_they_replace() -> None:
    found = change(inventory(), "labr-lib")
    assert found.security is True
    assert found.cves == ("CVE-2026-0001", "CVE-2026-0002")
    assert found.advisories == ("RLSA-2026:0001",)
    assert (found.installed, found.candidate, found.origin) == ("1.0-1.el9", "1.1-1.el9", "lab")


def test_a_fix_hidden_under_a_newer_build_is_found() -> None:
    found = change(inventory(), "labr-hold")
    assert (found.security, found.candidate, found.security_version) == (True, "1.1-1.el9", "1.0.5-1.el9")


def test_an_interactive_patch_counts_like_every_other() -> None:
    assert change(inventory(), "kernel").security is True


def test_without_patches_security_is_unknown_not_none() -> None:
    none: Answers = {"grep": said(""), "list-patches": "current-patches"}
    found = inventory(none)
    assert not found.security_known
    assert {each.security for each in found.changes} == {None}


def test_what_zypper_leaves_alone_is_kept_back() -> None:
    assert change(inventory(), "labr-needy").kept_back.startswith("zypper does not take it")


def test_locked_packages_are_held() -> None:
    found = inventory(LOCKED)
    assert found.holds == ("glib*", "nvidia-driver")
    assert {each.name for each in found.changes if each.held} == {"glibc", "nvidia-driver"}


def test_what_the_update_takes_away_is_said() -> None:
    assert any(each.kind == "removal" and "labr-old" in each.text for each in inventory().warnings)


def test_no_lists_are_not_up_to_date() -> None:
    found = inventory({"find /var/cache/zypp/raw": said(""), "grep": said("")})
    assert "changes" in found.missing
    assert [each.kind for each in found.warnings if each.blocks] == ["stale-lists"]


def test_a_dead_repository_is_told() -> None:
    assert "dead-mirror" in {each.kind for each in inventory({"list-updates": "dead-list-updates"}).warnings}


def test_an_interrupted_transaction_blocks_and_names_its_cure() -> None:
    blocking = [each for each in inventory({"rpm -qa": "after-killed"}).warnings if each.blocks]
    assert [(each.kind, each.repair) for each in blocking] == [("duplicates", "zypper-duplicates")]
    assert "zypper-duplicates" in {each.id for each in Zypper().repairs()}


def test_the_plan_is_what_zypper_simulates() -> None:
    plan = planned(PINNED)
    assert plan.error == ""
    assert {each.name: each.candidate for each in plan.changes} == {
        **dict.fromkeys(("kernel", "labr-app", "labr-conf", "labr-puller", "labr-pulled"), "1.1-1.el9"),
        "labr-hold": "1.0.5-1.el9",
        "nvidia-driver": "3:560.35.03-1.el9",
    }
    assert plan.download_bytes
    assert set(plan.reboot_reasons) == {"kernel (kernel)", "nvidia-driver (gpu-driver)"}


def test_what_is_simulated_is_what_would_be_applied() -> None:
    asked = host()
    plan = Zypper().plan(asked, inventory(), PINNED)
    simulated = next(argv for argv in asked.asked if "install" in argv)
    applied = Zypper().apply_argv(plan, "run1")
    assert "nvidia-driver.noarch=3:560.35.03-1.el9" in plan.arguments
    assert applied[-len(plan.arguments) :] == simulated[-len(plan.arguments) :] == plan.arguments
    assert applied[applied.index("--userdata") + 1] == "swarm:run1"
    assert "--dry-run" in simulated
    assert "--download-only" in Zypper().prefetch_argv(plan)


def test_only_security_takes_the_fix_not_the_newest() -> None:
    asked = host()
    Zypper().plan(asked, inventory(), Selection(security_only=True))
    named = next(argv for argv in asked.asked if "install" in argv)
    assert "labr-hold.noarch=1.0.5-1.el9" in named
    assert "kernel.noarch=1.1-1.el9" in named  # patch --non-interactive would have skipped it
    assert not any(word.startswith("labr-app") for word in named)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("dry-run-needy", "nothing provides 'labr-nothere >= 9'"),
        ("dry-run-gone", "No provider of 'labr-app.noarch=9.9-1' found."),
        ("locked-pinned", "conflicting requests"),
    ],
)
def test_a_refusal_is_the_plans_error(answer: str, words: str) -> None:
    plan = planned(Selection(packages=("labr-lib",)), {"install --dry-run": answer})
    assert words in plan.error
    assert "Solution" not in plan.error


def test_an_empty_plan_cannot_be_applied() -> None:
    with pytest.raises(BadInput):
        Zypper().apply_argv(planned(Selection(packages=("nothing-like-it",))), "run1")


def test_the_way_back_names_the_old_builds() -> None:
    entry = next(each for each in Zypper().history(host(), 10) if each.plan == "run1")
    asked = host({"rpm -qa": "after-good", "install --dry-run": "back-dry-run"})
    plan = Zypper().rollback_plan(asked, entry, ("labr-app", "nvidia-*", "labr-pulled"))
    assert set(plan.arguments) == {"labr-app.noarch=1.0-1.el9", "nvidia-driver.noarch=3:550.90.07-1.el9"}
    assert "--oldpackage" in Zypper().apply_argv(plan, "back")
    assert {each.kind for each in plan.changes} == {"downgrade"}
    assert [each.name for each in plan.left_out] == ["labr-pulled"]


def test_an_old_build_that_is_gone_is_an_error() -> None:
    entry = next(each for each in Zypper().history(host(), 10) if each.plan == "run1")
    asked = host({"rpm -qa": "after-good", "install --dry-run": "back-gone"})
    assert "No provider of" in Zypper().rollback_plan(asked, entry, ("labr-app",)).error


def test_the_approved_arguments_simulated_again_make_no_difference() -> None:
    plan, asked = planned(PINNED), host()
    fresh = Zypper().again(asked, plan)
    assert not difference(plan, fresh)
    assert {each.name: each.cves for each in fresh.changes} == {each.name: each.cves for each in plan.changes}
    assert next(argv for argv in asked.asked if "install" in argv)[-len(plan.arguments) :] == plan.arguments


def test_an_approved_version_that_vanished_is_an_error() -> None:
    plan = planned(PINNED)
    fresh = Zypper().again(host({"install --dry-run": "dry-run-gone"}), plan)
    assert "No provider of 'labr-app.noarch=9.9-1' found." in fresh.error
    assert fresh.error in difference(plan, fresh).sentence()


def test_what_zypper_would_do_besides_by_now_is_a_difference() -> None:
    plan = planned(PINNED)
    found = difference(plan, Zypper().again(host({"install --dry-run": "simulate-all"}), plan))
    assert {each.name for each in found.added} >= {"labr-lib", "glibc"}
    assert [(then.name, now.candidate) for then, now in found.moved] == [("labr-hold", "1.1-1.el9")]


def test_a_way_back_simulated_again_is_still_one() -> None:
    entry = next(each for each in Zypper().history(host(), 10) if each.plan == "run1")
    asked = host({"rpm -qa": "after-good", "install --dry-run": "back-dry-run"})
    plan = Zypper().rollback_plan(asked, entry, ("labr-app", "nvidia-*"))
    fresh = Zypper().again(asked, plan)
    assert not difference(plan, fresh)
    assert "--oldpackage" in fresh.command


def test_a_document_that_declares_entities_is_not_read() -> None:
    evil = '<!DOCTYPE x [<!ENTITY a "b">]><stream><message type="info">&a;</message></stream>'
    assert zypper_xml.parse(evil).errors == ("the answer is not zypper's",)


def test_texts_are_made_safe() -> None:
    found = zypper_xml.parse('<stream><message type="error">\u202eevil\u009b31m</message></stream>')
    assert not set("\u202e\u009b") & set(found.errors[0])


@pytest.mark.parametrize(
    ("line", "pairs"),
    [
        ("Conflicts   : labr-lib < 1.1-1.el9", (("labr-lib", "1.1-1.el9"),)),
        (
            "Conflicts   : [2]\n    openssl.x86_64 < 3.0-1\n    python3.11 < 0:3.11-2",
            (("openssl", "3.0-1"), ("python3.11", "3.11-2")),
        ),
        ("Conflicts   : [1]", ()),
    ],
)
def test_a_patchs_packages(line: str, pairs: tuple[tuple[str, str], ...]) -> None:
    assert zypper_patch.replaced([f"Name        : P-1\n{line}\n"]) == {"P-1": pairs}


@given(st.text(max_size=300))
def test_any_text_is_a_document(text: str) -> None:
    zypper_xml.parse(text)
    assert isinstance(zypper_patch.replaced([text]), dict)


@given(st.integers(0, 4000))
def test_half_a_document_is_read_as_far_as_it_goes(end: int) -> None:
    text = captured(CASE, "list-updates").stdout.decode()
    whole = {each.name for each in zypper_xml.parse(text).updates}
    assert {each.name for each in zypper_xml.parse(text[:end]).updates} <= whole
