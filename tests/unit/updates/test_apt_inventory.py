"""What a real host could change, from its own answers: versions, security, sizes, CVEs, and what stands in the way."""

from __future__ import annotations

import pytest

from backends.errors import SkipHost
from backends.execution import ExecResult
from backends.updates.apt_inventory import take
from backends.updates.model import Caution, Change, Inventory
from tests.unit.updates.apt_host import RecordedHost, text

CLOCK = float(text("debian12-pending", "facts.out").split()[1])


def inventory(*cases: str, now: float = CLOCK, **answers: str) -> Inventory:
    return take(RecordedHost(*cases, **answers), now)


def change(found: Inventory, name: str) -> Change:
    return next(each for each in found.changes if each.name == name)


def caution(found: Inventory, kind: str) -> Caution | None:
    return next((each for each in found.warnings if each.kind == kind), None)


def test_a_host_with_real_updates() -> None:
    found = inventory("debian12-pending")
    assert (found.host, found.manager, found.system) == ("gpu01", "apt", "Debian GNU/Linux 12 (bookworm)")
    assert len([each for each in found.changes if not each.kept_back]) == 25
    assert found.lists_age_seconds is not None
    assert found.lists_age_seconds >= 0
    assert change(found, "libssl3").size_bytes == 2039888
    assert found.missing == {}


def test_security_is_judged_by_the_versions_between() -> None:
    found = inventory("debian12-pending")
    hidden = change(found, "lab-hidden")
    assert (hidden.candidate, hidden.security, hidden.security_version) == ("1.2-1", True, "1.1-1")
    assert change(found, "lab-app").security is False
    assert change(found, "libssl3").security is True


def test_held_and_kept_back_packages_are_listed_with_their_versions() -> None:
    found = inventory("debian13-pending")
    assert found.holds == ("lab-held",)
    held = change(found, "lab-held")
    assert (held.held, held.installed, held.candidate, held.size_bytes) == (True, "1.0-1", "1.1-1", None)
    assert change(found, "lab-evictor").kept_back.endswith("removes lab-bystander")
    assert caution(found, "held")
    assert caution(found, "kept-back")


def test_cves_are_known_once_the_packages_have_been_fetched() -> None:
    assert change(inventory("debian12-pending"), "lab-lib").cves == ()
    fetched = inventory("debian12-prefetched")
    assert change(fetched, "lab-lib").cves == ("CVE-2026-1001", "CVE-2026-1002")
    assert len(change(fetched, "perl").cves) == 13
    assert change(fetched, "perl").size_bytes == 0, "nothing is left to fetch"


@pytest.mark.parametrize("distro", ["debian12", "debian13"])
def test_an_interrupted_host_blocks_and_offers_the_repair(distro: str) -> None:
    for case in (f"{distro}-dirty", f"{distro}-killed"):
        found = caution(inventory(case), "dirty-dpkg")
        assert found is not None
        assert (found.blocks, found.repair) == (True, "apt-configure")


@pytest.mark.parametrize("distro", ["debian12", "debian13"])
def test_half_done_packages_of_a_running_change_are_no_damage(distro: str) -> None:
    found = inventory(f"{distro}-locked")
    assert caution(found, "dirty-dpkg") is None
    busy = caution(found, "lock-held")
    assert busy is not None
    assert busy.blocks
    assert "apt-get" in busy.text or "dpkg" in busy.text


def test_a_wrong_clock_old_lists_and_no_security_source() -> None:
    found = inventory("debian12-pending", now=CLOCK + 30 * 86400.0, sources="")
    assert caution(found, "clock-skew")
    assert caution(found, "stale-lists")
    assert caution(found, "security-unknown")
    assert not found.security_known
    assert {each.security for each in found.changes} == {None}


def test_a_good_host_has_no_such_warnings() -> None:
    kinds = {each.kind for each in inventory("debian12-pending").warnings}
    assert kinds == {"held", "kept-back"}


@pytest.mark.parametrize("distro", ["debian12", "debian13"])
@pytest.mark.parametrize(
    ("case", "kind", "repair", "words"),
    [
        ("unmet", "broken-dependencies", "apt-fix", "lab-needy : Depends: lab-nowhere (>= 2)"),
        ("damaged", "damaged-lists", "apt-clear-lists", "Unable to parse package file"),
    ],
)
def test_a_host_on_which_apt_refuses_blocks_with_its_repair(
    distro: str, case: str, kind: str, repair: str, words: str
) -> None:
    found = inventory(f"{distro}-{case}")
    blocked = caution(found, kind)
    assert blocked is not None
    assert (blocked.blocks, blocked.repair) == (True, repair)
    assert words in blocked.text
    assert found.missing["changes"], "no updates is not what this means"
    assert caution(found, "security-unknown") is None


def test_another_refusal_blocks_without_a_repair() -> None:
    found = caution(inventory("debian12-pending", upgrade="E: The value 'x' is invalid\n", holds=""), "apt-error")
    assert found is not None
    assert (found.blocks, found.repair) == (True, "")


def test_a_driver_family_held_in_part_is_told() -> None:
    found = inventory("debian13-family-held", now=float(text("debian13-family-held", "facts.out").split()[1]))
    assert found.family_packages == ("libnvidia-compute-510", "nvidia-utils-510")
    assert caution(found, "family-split")


def test_nothing_is_changed_and_no_root_is_needed() -> None:
    host = RecordedHost("debian12-pending")
    take(host, CLOCK)
    for argv in host.asked:
        assert "-s" in argv or "--print-uris" in argv or "apt-get" not in argv


class NoApt(RecordedHost):
    """A host of another kind."""

    def run(self, argv: object, **options: object) -> ExecResult:
        return ExecResult(exit_status=127, stderr=b"env: 'dpkg-query': No such file or directory")


def test_another_system_is_skipped_with_a_reason() -> None:
    with pytest.raises(SkipHost, match="there is no dpkg-query here"):
        take(NoApt(), 0.0)
