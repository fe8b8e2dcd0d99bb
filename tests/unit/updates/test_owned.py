"""Files of updated packages, from what dpkg, rpm and pacman really print."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.errors import SkipHost
from backends.execution import ExecResult
from backends.updates.owned import by_dpkg, by_files, owned
from tests.unit.engine.parts import FakeExec

DPKG = """base-files: /etc/debian_version
coreutils: /bin/ls
libfakeroot:amd64, libc6:amd64, libc-bin: /etc/ld.so.conf.d
diversion by dash from: /bin/sh
"""


def host(text: str = "", status: int = 0) -> FakeExec:
    return FakeExec("a", ExecResult(exit_status=status, stdout=text.encode()))


def words(asked: FakeExec) -> list[str]:
    """The last command, without its environment."""
    argv = asked.asked[-1][0]
    return argv[next(at for at, word in enumerate(argv) if word in ("dpkg-query", "rpm", "pacman")) :]


def test_dpkg_is_asked_for_the_owners_and_one_of_several_is_enough() -> None:
    asked = host(DPKG, status=1)  # some of the files belong to nobody
    paths = ["/etc/debian_version", "/etc/ld.so.conf.d", "/etc/fstab"]
    assert owned(asked, "apt", {"libc6:amd64"}, paths) == {"/etc/ld.so.conf.d"}
    assert words(asked) == ["dpkg-query", "-S", "--", *sorted(paths)]


def test_a_package_may_name_a_file_as_it_was_before_usr_was_merged() -> None:
    asked = host(DPKG)
    assert owned(asked, "apt", {"coreutils"}, ["/usr/bin/ls"]) == {"/usr/bin/ls"}
    assert words(asked)[3:] == ["/usr/bin/ls", "/bin/ls"]


def test_a_name_with_a_pattern_in_it_is_asked_for_as_it_is() -> None:
    asked = host()
    owned(asked, "apt", {"coreutils"}, ["/etc/a[1]*"])
    assert words(asked)[3:] == ["/etc/a\\[1\\]\\*"]


@pytest.mark.parametrize("manager", ["dnf", "zypper"])
def test_rpm_is_asked_for_the_files_of_the_packages(manager: str) -> None:
    asked = host("/etc/ssl/openssl.cnf\n/usr/bin/openssl\n")
    assert owned(asked, manager, {"openssl"}, ["/etc/ssl/openssl.cnf", "/etc/fstab"]) == {"/etc/ssl/openssl.cnf"}
    assert words(asked)[0] == "rpm" and words(asked)[-1] == "openssl"


def test_pacman_names_folders_with_a_slash() -> None:
    asked = host("/etc/\n/etc/ssl/\n/etc/ssl/openssl.cnf\n")
    assert owned(asked, "pacman", {"openssl"}, ["/etc/ssl"]) == {"/etc/ssl"}
    assert words(asked)[:2] == ["pacman", "-Qlq"]


def test_nobody_is_asked_where_nothing_was_updated_or_nothing_differs() -> None:
    asked = host(DPKG)
    assert owned(asked, "apt", (), ["/etc/fstab"]) == owned(asked, "apt", {"coreutils"}, []) == frozenset()
    assert not asked.asked


def test_names_that_would_be_options_are_not_passed_on() -> None:
    asked = host("/etc/fstab\n")
    owned(asked, "dnf", {"--root=/evil", "a\nb", "openssl"}, ["/etc/fstab"])
    assert words(asked)[-2:] == ["--", "openssl"]


def test_a_host_without_the_program_says_so() -> None:
    with pytest.raises(SkipHost):
        owned(host(status=127), "apt", {"bash"}, ["/etc/fstab"])


@given(st.text(max_size=200))
def test_any_answer_names_only_files_that_were_asked_for(text: str) -> None:
    paths = {"/etc/fstab", "/etc/a: b"}
    assert by_dpkg(text, {"bash"}, paths) <= paths and by_files(text, paths) <= paths
