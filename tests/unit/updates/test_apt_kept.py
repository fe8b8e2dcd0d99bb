"""Everything that apt keeps back has a reason that a person understands."""

from __future__ import annotations

import pytest
from hypothesis import given

from backends.updates.apt_kept import NEW_PACKAGE, UNKNOWN, Standing, kept_changes, parse_policy
from backends.updates.apt_simulate import Simulation, parse
from backends.updates.model import Change
from tests.unit.updates.apt_host import text
from tests.unit.updates.apt_hostile import damaged


@pytest.mark.parametrize("case", ["debian12-pending", "debian13-pending"])
def test_policy_tells_versions_and_phasing(case: str) -> None:
    found = parse_policy(text(case, "standings.out"))
    assert found["lab-phased"] == Standing(name="lab-phased", installed="1.0-1", candidate="1.1-1", phased_percent=0)
    assert found["lab-held"] == Standing(name="lab-held", installed="1.0-1", candidate="1.1-1")
    assert found["lab-held"].pending


@pytest.mark.parametrize("case", ["debian12-pending", "debian13-pending"])
def test_each_reason_on_a_real_host(case: str) -> None:
    upgrade, full = parse(text(case, "upgrade.out")), parse(text(case, "full.out"))
    standings = parse_policy(text(case, "standings.out"))
    found = kept_changes((*upgrade.kept, *upgrade.phased), ["lab-held"], standings, full)
    assert {each.name: each.kept_back for each in found} == {
        "lab-held": "held",
        "lab-phased": "phased, 0% of hosts so far",
        "lab-evictor": "only a full upgrade brings it, which removes lab-bystander",
    }
    assert [each.name for each in found if each.held] == ["lab-held"]
    assert all((each.installed, each.candidate) == ("1.0-1", "1.1-1") for each in found)


def test_phased_without_a_number() -> None:
    full = Simulation(phased=("app",))
    assert kept_changes(["app"], [], {}, full)[0].kept_back == "phased"


def test_a_new_package_and_the_unexplained() -> None:
    full = Simulation(changes=(Change(name="app", installed="1", candidate="2"),))
    assert [each.kept_back for each in kept_changes(["app", "other"], [], {}, full)] == [NEW_PACKAGE, UNKNOWN]


def test_a_held_package_with_nothing_newer_is_not_listed() -> None:
    same = {"app": Standing(name="app", installed="1", candidate="1")}
    assert kept_changes([], ["app"], same, Simulation()) == ()


@given(damaged("debian12-pending", "standings.out"))
def test_any_text_can_be_read(hostile: str) -> None:
    for name, standing in parse_policy(hostile).items():
        assert standing.name == name
        assert standing.pending in (True, False)
