"""What is simulated is what is applied: one list of words is in every command."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.errors import BadInput
from backends.updates import apt_argv
from backends.updates.model import Change, HostPlan

PLAN = HostPlan(
    host="gpu01",
    manager="apt",
    arguments=("libssl3=3.0.22-1",),
    changes=(
        Change(name="libssl3", installed="1", candidate="2"),
        Change(name="libnew", kind="install", candidate="1"),
    ),
)
BACK = HostPlan(
    host="gpu01",
    manager="apt",
    arguments=("libssl3:amd64=3.0.20-1",),
    changes=(Change(name="libssl3", kind="downgrade", installed="2", candidate="1"),),
)


def ends_with(argv: tuple[str, ...], words: tuple[str, ...]) -> bool:
    return argv[-len(words) :] == words


def test_simulation_sizes_prefetch_and_change_end_alike() -> None:
    words = apt_argv.install_words(PLAN)
    assert words == ("-y", "--no-remove", "--only-upgrade", "install", "libssl3=3.0.22-1")
    for argv in (
        apt_argv.simulate_argv(words),
        apt_argv.sizes_argv(words),
        apt_argv.prefetch_argv(words),
        apt_argv.apply_argv(words, "run-1"),
    ):
        assert ends_with(argv, words)


def test_nobody_is_asked_anything_and_nothing_is_restarted_from_inside() -> None:
    argv = apt_argv.apply_argv(apt_argv.install_words(PLAN), "")
    assert {"LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "NEEDRESTART_SUSPEND=1"} <= set(argv)
    assert {"Dpkg::Options::=--force-confdef", "Dpkg::Options::=--force-confold", "APT::Status-Fd=9"} <= set(argv)
    assert "DPkg::Lock::Timeout=300" in argv
    assert "--allow-downgrades" not in argv


def test_going_back_may_downgrade_but_still_not_remove() -> None:
    words = apt_argv.install_words(BACK)
    assert words[:3] == ("-y", "--no-remove", "--allow-downgrades")
    assert "--only-upgrade" not in words


def test_bringing_a_removed_package_back_is_no_upgrade() -> None:
    plan = HostPlan(
        host="gpu01",
        manager="apt",
        arguments=("gone:amd64=1",),
        changes=(Change(name="gone", kind="install", candidate="1"),),
    )
    assert "--only-upgrade" not in apt_argv.install_words(plan)


def test_the_run_is_written_into_the_history() -> None:
    assert "Swarm-Tui::Run=2026-11:gpu.1" in apt_argv.apply_argv((), "2026-11:gpu.1")


@given(st.text())
def test_a_tag_is_plain_or_refused(run: str) -> None:
    try:
        argv = apt_argv.apply_argv((), run)
    except BadInput:
        return
    tags = [word for word in argv if word.startswith(apt_argv.TAG)]
    assert tags == ([f"{apt_argv.TAG}={run}"] if run else [])
    assert all(character.isascii() and (character.isalnum() or character in "._:-") for character in run)


@pytest.mark.parametrize("run", ["a b", "a;b", "a\n", "x" * 81])
def test_such_tags_are_refused(run: str) -> None:
    with pytest.raises(BadInput):
        apt_argv.apply_argv((), run)


def test_refresh_fails_when_one_mirror_does() -> None:
    assert "APT::Update::Error-Mode=any" in apt_argv.refresh_argv()


def test_security_only_pins_the_newest_version_with_a_security_source() -> None:
    hidden = Change(name="libkrb5-3", architecture="amd64", installed="1", candidate="3", security_version="2")
    assert apt_argv.pin(hidden, True, "amd64") == "libkrb5-3=2"
    assert apt_argv.pin(hidden, False, "amd64") == "libkrb5-3=3"
    plain = Change(name="libssl3", architecture="amd64", installed="1", candidate="3", security=True)
    assert apt_argv.pin(plain, True, "amd64") == "libssl3=3"


@pytest.mark.parametrize(("architecture", "expected"), [("all", "x=3"), ("amd64", "x=3"), ("i386", "x:i386=3")])
def test_only_foreign_architectures_are_named(architecture: str, expected: str) -> None:
    change = Change(name="x", architecture=architecture, installed="1", candidate="3")
    assert apt_argv.pin(change, False, "amd64") == expected
