"""What a run takes of the updates that wait is what its update steps say, and no more."""

from __future__ import annotations

from backends.maintenance.request import Request
from backends.maintenance.selection import selection
from backends.updates.model import PackageClass, Selection


def test_without_an_update_step_nothing_is_taken() -> None:
    assert selection(Request(steps=("drain", "check", "resume"))) is None


def test_everything_security_or_classes() -> None:
    assert selection(Request(steps=("update",))) == selection(Request(steps=("update:all",))) == Selection()
    assert selection(Request(steps=("update:security",))) == Selection(security_only=True)
    assert selection(Request(steps=("update:kernel", "update:gpu-driver"))) == Selection(
        classes=(PackageClass.KERNEL, PackageClass.GPU_DRIVER)
    )


def test_what_one_step_wants_as_a_whole_is_not_narrowed_by_another() -> None:
    assert selection(Request(steps=("update:security", "update"))) == Selection()
    assert selection(Request(steps=("update:kernel", "update:all"))) == Selection()


def test_patterns_and_age_are_handed_on() -> None:
    request = Request(steps=("update",), packages=("linux-*",), exclude_packages=("docker*",), minimum_age_days=2)
    assert selection(request) == Selection(packages=("linux-*",), exclude=("docker*",), minimum_age_seconds=172800.0)
