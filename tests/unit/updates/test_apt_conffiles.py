"""Configuration files that somebody has changed are named before a package brings new ones."""

from __future__ import annotations

import pytest
from hypothesis import given

from backends.updates.apt_conffiles import changed, delivered, foresee
from backends.updates.apt_inventory import take
from backends.updates.apt_plan import make
from backends.updates.model import Change, Selection
from tests.unit.updates.apt_host import RecordedHost, text
from tests.unit.updates.apt_hostile import damaged

CONF = Change(name="lab-conf", architecture="all", installed="1.0-1", candidate="1.1-1")


@pytest.mark.parametrize("distro", ["debian12", "debian13"])
def test_a_changed_file_is_in_the_plans_warnings(distro: str) -> None:
    inventory = take(RecordedHost(f"{distro}-pending"), 1.0)
    plan = make(RecordedHost(f"{distro}-plan-lab"), inventory, Selection(packages=("lab-conf", "lab-app")))
    found = [each.text for each in plan.warnings if each.kind == "conffiles"]
    assert found == ["changed on this host, so a new version will not be taken: /etc/lab.conf"]


def test_an_untouched_file_is_no_warning() -> None:
    sums = "".join(
        f"{digest}  {file}\n" for file, digest in delivered(text("debian12-plan-lab", "conffiles.out")).items()
    )
    assert foresee(RecordedHost("debian12-plan-lab", sums=sums), [CONF]) == ()


def test_a_file_that_was_deleted_is_not_kept() -> None:
    assert foresee(RecordedHost("debian12-plan-lab", sums=""), [CONF]) == ()


def test_new_and_removed_packages_have_nothing_to_keep() -> None:
    new = Change(name="new", kind="install", candidate="1")
    gone = Change(name="gone", kind="remove", installed="1")
    host = RecordedHost()
    assert foresee(host, [new, gone]) == ()
    assert host.asked == []


def test_files_that_no_package_brings_any_more_do_not_count() -> None:
    assert delivered(f" /etc/a {'0' * 32}\n /etc/b {'0' * 32} obsolete\n /etc/c newconffile\n") == {"/etc/a": "0" * 32}


@given(damaged("debian12-plan-all", "conffiles.out"), damaged("debian12-plan-all", "sums.out"))
def test_any_text_can_be_read(known: str, sums: str) -> None:
    files = delivered(known)
    assert all(file.startswith("/") for file in files)
    assert set(changed(files, sums)) <= set(files)
