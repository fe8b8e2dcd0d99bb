"""Going back brings the versions before a transaction, as far as they can still be had, and says what cannot be."""

from __future__ import annotations

import pytest
from msgspec import structs

from backends.updates.apt_history import read
from backends.updates.apt_rollback import ELSEWHERE, GONE, STAYS, argument, make
from backends.updates.apt_security import Offer
from backends.updates.model import Change, HistoryEntry
from tests.unit.updates.apt_host import RecordedHost, text

APP = Change(name="lab-app", architecture="amd64", installed="1:1.0-1", candidate="1:1.1-1")
CASE = "debian12-rollback"


def entry(distro: str = "debian12") -> HistoryEntry:
    return next(each for each in read(RecordedHost(f"{distro}-history"), 20) if each.plan == "run-42")


def before(distro: str = "debian12") -> RecordedHost:
    """The host after the transaction and before the way back: its packages as they were then."""
    return RecordedHost(f"{distro}-rollback", packages=text(f"{distro}-apply-fine", "packages.out"))


@pytest.mark.parametrize("distro", ["debian12", "debian13"])
def test_the_versions_before_are_pinned_and_new_packages_stay(distro: str) -> None:
    plan = make(before(distro), entry(distro), ["lab-*"])
    assert plan.error == ""
    assert {each.kind for each in plan.changes} == {"downgrade"}
    assert sorted(plan.arguments) == [
        "lab-app:amd64=1.0-1",
        "lab-conf:amd64=1.0-1",
        "lab-hidden:amd64=1.0-1",
        "lab-lib:amd64=1.0-1",
        "lab-meta:amd64=1.0-1",
        "lab-service:amd64=1.0-1",
    ]
    assert [(each.name, each.kept_back) for each in plan.left_out] == [("lab-part-1.1", STAYS)]
    assert "--allow-downgrades" in plan.command
    assert "--no-remove" in plan.command


def test_only_the_packages_asked_for() -> None:
    host = before()
    make(host, entry(), ["lab-app"])
    assert host.words("simulate")[-1] == "lab-app:amd64=1.0-1"


def test_half_a_way_back_is_none() -> None:
    found = make(
        RecordedHost(CASE, packages=text("debian12-apply-fine", "packages.out"), madison=""), entry(), ["lab-app"]
    )
    assert found.error == f"{GONE}: lab-app 1.0-1"
    assert found.arguments == ()


def test_what_has_changed_again_is_left_alone() -> None:
    later = text("debian12-apply-fine", "packages.out").replace("lab-app|all|1.1-1", "lab-app|all|1.2-1")
    found = make(RecordedHost(CASE, packages=later), entry(), ["lab-app"])
    assert [(each.name, each.kept_back) for each in found.left_out] == [("lab-app", ELSEWHERE)]
    assert found.error == "nothing to bring back"


def test_a_removed_package_is_brought_back_where_it_is_still_gone() -> None:
    gone = structs.replace(APP, name="lab-gone", kind="remove", candidate="")
    old = HistoryEntry(host="gpu01", id="x", time=0.0, changes=(gone,))
    host = RecordedHost(CASE, madison=" lab-gone | 1:1.0-1 | copy:/srv/lab-repo lab/main amd64 Packages\n")
    make(host, old, [])
    assert host.words("simulate")[-1] == "lab-gone:amd64=1:1.0-1"


def test_an_interrupted_host_goes_nowhere() -> None:
    assert make(RecordedHost("debian12-killed"), entry(), []).error.startswith("lab-app is unpacked")


def test_an_old_version_may_have_been_kept_as_a_file() -> None:
    file = "/var/cache/apt/archives/lab-app_1%3a1.0-1_all.deb"
    assert argument(APP, [], [file]) == file
    assert argument(APP, [], ["/var/cache/apt/archives/lab-app_1%3a1.1-1_all.deb"]) == ""
    assert argument(APP, [Offer(version="1:1.0-1", source="x")], [file]) == "lab-app:amd64=1:1.0-1"
