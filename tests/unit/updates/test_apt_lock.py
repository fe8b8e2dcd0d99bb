"""The holder of a lock is named, from apt's words or from the kernel's table; the lock itself is never touched."""

from __future__ import annotations

import pytest
from hypothesis import given

from backends.updates.apt_lock import FILES, from_text, read, refused_by, waited_for
from backends.updates.locks import from_kernel, from_process, words
from backends.updates.model import Holder
from tests.unit.updates.apt_host import RecordedHost, text
from tests.unit.updates.apt_hostile import damaged


@pytest.mark.parametrize(
    ("case", "file", "holder"),
    [
        ("debian12-locked", "refused.err", Holder(pid=71, command="apt-get")),
        ("debian12-locked", "waited.out", Holder(pid=71, command="apt-get")),
        ("debian12-locked", "dpkg.err", Holder(pid=71)),
        ("debian13-locked", "refused.err", Holder(pid=73, command="apt-get")),
        ("debian13-locked", "dpkg.err", Holder(pid=73)),
        ("debian12-apply-fine", "apply.output", None),
        ("debian12-apply-broken", "apply.output", None),
    ],
)
def test_what_apt_and_dpkg_say(case: str, file: str, holder: Holder | None) -> None:
    assert from_text(text(case, file)) == holder


def test_a_holder_without_a_name_is_still_one() -> None:
    assert from_text(text("debian12-locked", "waited.err")) == Holder()
    assert words(Holder()) == "another process"


@pytest.mark.parametrize("distro", ["debian12", "debian13"])
def test_a_refusal_names_the_holder_and_a_lock_that_was_had_nobody(distro: str) -> None:
    refused = text(f"{distro}-locked", "refused.err")
    assert refused_by(refused) == waited_for(refused)
    assert refused_by(refused) is not None
    assert refused_by(text("debian12-locked", "waited.out")) is None, "it only waited"
    assert waited_for(text("debian12-locked", "waited.out") + "Reading package lists...\n") is None
    assert waited_for("") is None


def test_the_kernel_knows_the_holder_and_ps_its_age() -> None:
    host = RecordedHost("debian12-locked")
    found = read(host, now=1000.0)
    assert found is not None
    assert found.since == 1000.0 - int(text("debian12-locked", "holder.out").split()[0])
    assert words(found) == f"{found.command} (process {found.pid})"


def test_apt_is_blamed_before_the_dpkg_that_it_runs() -> None:
    table = (
        "inode 5\ninode 6\n1: POSIX  ADVISORY  WRITE 100 00:28:6 0 EOF\n2: POSIX  ADVISORY  WRITE 71 00:28:5 0 EOF\n"
    )
    assert from_kernel(table) == 71


def test_other_locks_and_other_namespaces_are_not_ours() -> None:
    assert read(RecordedHost("debian12-pending"), now=0.0) is None
    assert from_kernel("inode 5\n1: FLOCK  ADVISORY  WRITE 9 08:01:55 0 EOF\n") is None
    assert from_kernel("inode 5\n1: POSIX  ADVISORY  READ  9 08:01:5 0 EOF\n") is None
    assert from_kernel("inode 5\n1: POSIX  ADVISORY  WRITE 0 08:01:5 0 EOF\n") is None


def test_a_holder_that_has_just_ended_keeps_its_number() -> None:
    assert from_process(5, "", now=10.0) == Holder(pid=5)


def test_no_lock_is_ever_removed() -> None:
    host = RecordedHost("debian12-locked")
    read(host, now=0.0)
    assert not any("rm" in argv or "-delete" in argv for argv in host.asked)
    assert FILES[0].endswith("lock-frontend")


@given(damaged("debian12-locked", "waited.out"))
def test_any_words_can_be_read(hostile: str) -> None:
    found = from_text(hostile)
    assert found is None or found.pid is None or 0 <= found.pid < 10**10


@given(damaged("debian12-locked", "locks.out"))
def test_any_table_can_be_read(hostile: str) -> None:
    found = from_kernel(hostile)
    assert found is None or found > 0
