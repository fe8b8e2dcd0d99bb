"""A refresh is judged by what apt said: every captured failure has one sentence for each source, and its cause."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.updates.apt import Apt
from backends.updates.apt_refresh import CLOCK_FIRST, judge
from tests.unit.updates.apt_host import OUTPUTS, recorded, text
from tests.unit.updates.apt_hostile import damaged

CASES = sorted((folder.name, file.stem) for folder in OUTPUTS.glob("*-refresh") for file in folder.glob("*.out"))
QUIET = {("debian12-refresh", "fine"), ("debian13-refresh", "fine"), ("debian13-refresh", "expired-key")}
"""sqv accepts what was signed while the key was still valid."""


@pytest.mark.parametrize(("case", "name"), CASES)
def test_every_failure_is_told_and_nothing_else(case: str, name: str) -> None:
    found = Apt().judge_refresh(recorded(case, name))
    assert bool(found) is ((case, name) not in QUIET), found
    assert not any(sentence.startswith(("E: ", "W: ")) for sentence in found)


@pytest.mark.parametrize("distro", ["debian12", "debian13"])
@pytest.mark.parametrize(
    ("name", "sentences"),
    [
        ("unsigned", ("copy:/srv/unsigned lab: is not signed", "copy:/srv/unsigned lab-security: is not signed")),
        ("missing-key", ("copy:/srv/other lab: signed with a key that is not trusted here: ",)),
        ("stale-mirror", ("copy:/srv/stale/dists/lab/InRelease: too old since 23d ",)),
        ("future-date", ("copy:/srv/futdate/dists/lab/InRelease: not valid for another 4h 59min 50s: ",)),
        ("no-resolver", ("http://mirror.invalid/debian/dists/bookworm/InRelease: Temporary failure resolving",)),
    ],
)
def test_causes(distro: str, name: str, sentences: tuple[str, ...]) -> None:
    found = Apt().judge_refresh(recorded(f"{distro}-refresh", name))
    for sentence in sentences:
        assert any(each.startswith(sentence) for each in found), found


@pytest.mark.parametrize("distro", ["debian12", "debian13"])
def test_a_dead_mirror_is_seen_even_with_status_0(distro: str) -> None:
    found = recorded(f"{distro}-refresh", "dead-mirror-plain")
    assert found.exit_status == 0
    assert "127.0.0.1:9" in Apt().judge_refresh(found)[0]


@pytest.mark.parametrize("name", ["clock-behind", "clock-ahead", "clock-behind-lab", "expired-key"])
def test_what_may_be_the_clock_says_so(name: str) -> None:
    assert all(CLOCK_FIRST in sentence for sentence in Apt().judge_refresh(recorded("debian12-refresh", name)))


def test_sqv_knows_that_it_is_the_clock() -> None:
    found = Apt().judge_refresh(recorded("debian13-refresh", "future-signature"))
    assert found[0].endswith("the host's clock is behind")


def test_a_mirror_out_of_sync() -> None:
    assert (
        Apt()
        .judge_refresh(recorded("debian12-refresh", "damaged"))[0]
        .endswith("the mirror is out of sync, or the download is damaged")
    )


def test_somebody_else_is_at_it() -> None:
    held = "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 5 (apt-get)\n"
    assert judge(held, 100)[0] == "the lists are in use by apt-get (process 5)"


def test_a_release_that_changed_its_name() -> None:
    line = "E: Repository 'http://m/debian bookworm InRelease' changed its 'Suite' value from 'stable' to 'oldstable'"
    assert judge(line, 100) == (
        "http://m/debian bookworm: its Suite changed from stable to oldstable: accept it by hand",
    )


@pytest.mark.parametrize(("status", "end"), [(100, "ended with status 100"), (None, "ended with a signal")])
def test_an_end_without_words(status: int | None, end: str) -> None:
    assert judge("", status)[0].endswith(end)


@given(damaged("debian12-refresh", "missing-key.err"), st.sampled_from([None, 0, 1, 100]))
def test_any_text_can_be_judged(hostile: str, status: int | None) -> None:
    found = judge(hostile, status)
    assert all(sentence for sentence in found)
    assert found or status == 0


def test_the_captured_texts_are_there() -> None:
    assert len(CASES) > 20
    assert "NO_PUBKEY" in text("debian12-refresh", "missing-key.err")
