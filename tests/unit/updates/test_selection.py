"""A selection says what is wanted; what cannot be had or is not allowed yet is left out with the reason."""

from __future__ import annotations

from typing import Any

import pytest

from backends.updates.classes import classify
from backends.updates.model import Change, Inventory, PackageClass, Selection
from backends.updates.selection import FAMILY_HELD, NEW_ALONE, Chosen, choose

NOW = 1_000_000.0


def change(name: str, **more: object) -> Change:
    fields = {"installed": "1", "candidate": "3", "architecture": "amd64", "package_class": classify(name), **more}
    return Change(name=name, **fields)  # type: ignore[arg-type]


BASH = change("bash")
SSL = change("libssl3", security=True, cves=("CVE-2026-1",), first_seen=NOW - 100)
KRB5 = change("libkrb5-3", security=True, security_version="2")
HELD = change("vim", held=True, kept_back="held")
PHASED = change("curl", kept_back="phased, 10% of hosts so far")
DRIVER, LIBRARY = change("nvidia-utils-580"), change("libnvidia-compute-580")
META = change("linux-image-amd64")
KERNEL = change("linux-image-6.1.0-56-amd64", kind="install", installed="")


def chosen(*changes: Change, holds: tuple[str, ...] = (), **selection: object) -> Chosen:
    inventory = Inventory(host="gpu01", manager="apt", taken=NOW, changes=changes, holds=holds)
    return choose(inventory, Selection(**selection))  # type: ignore[arg-type]


def names(changes: tuple[Change, ...]) -> list[str]:
    return [each.name for each in changes]


def test_without_a_filter_everything_that_can_be_applied() -> None:
    found = chosen(BASH, SSL, HELD, PHASED, KERNEL, META)
    assert names(found.wanted) == ["bash", "libssl3", "linux-image-amd64"], "the kernel comes with its metapackage"
    assert {each.name: each.kept_back for each in found.left_out} == {
        "vim": "held",
        "curl": "phased, 10% of hosts so far",
    }


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({"security_only": True}, ["libssl3", "libkrb5-3"]),
        ({"classes": (PackageClass.CORE_LIB,)}, ["libssl3"]),
        ({"packages": ("lib*",)}, ["libssl3", "libkrb5-3"]),
        ({"packages": ("lib*",), "exclude": ("libk*",)}, ["libssl3"]),
        ({"cves": ("CVE-2026-1", "CVE-2026-2")}, ["libssl3"]),
        ({"minimum_age_seconds": 100.0}, ["libssl3"]),
        ({"exclude": ("*",)}, []),
    ],
)
def test_filters(selection: dict[str, Any], expected: list[str]) -> None:
    assert names(chosen(BASH, SSL, KRB5, **selection).wanted) == expected


def test_what_is_too_young_is_left_out_and_says_so() -> None:
    found = chosen(BASH, SSL, minimum_age_seconds=3600.0)
    assert found.wanted == ()
    assert [each.kept_back for each in found.left_out] == [
        "seen for 0s, approved after 1h",
        "seen for 1m40s, approved after 1h",
    ]


def test_the_driver_family_is_selected_as_one() -> None:
    assert names(chosen(BASH, DRIVER, LIBRARY, packages=("nvidia-utils-*",)).wanted) == [
        "nvidia-utils-580",
        "libnvidia-compute-580",
    ]


@pytest.mark.parametrize(
    "more",
    [
        {"holds": ("nvidia-utils-580",)},
        {"exclude": ("nvidia-utils-*",)},
    ],
)
def test_a_family_of_which_one_stays_stays_whole(more: dict[str, object]) -> None:
    found = chosen(BASH, DRIVER, LIBRARY, **more)  # type: ignore[arg-type]
    assert names(found.wanted) == ["bash"]
    assert FAMILY_HELD in {each.kept_back for each in found.left_out}
    assert set(names(found.left_out)) == {"nvidia-utils-580", "libnvidia-compute-580"}


def test_a_kernel_named_alone_brings_its_metapackage() -> None:
    assert names(chosen(BASH, KERNEL, META, packages=("linux-image-6*",)).wanted) == ["linux-image-amd64"]


def test_a_new_package_named_alone_is_left_out_since_apt_would_pass_over_it() -> None:
    found = chosen(BASH, change("libnew", kind="install", installed=""), packages=("libnew",))
    assert found.wanted == ()
    assert [(each.name, each.kept_back) for each in found.left_out] == [("libnew", NEW_ALONE)]
