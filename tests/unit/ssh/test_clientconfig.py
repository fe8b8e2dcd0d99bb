from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.errors import BadInput
from backends.ssh import answers
from backends.ssh.answers import parse_answer
from backends.ssh.clientconfig import Resolver, build, parse_hop
from backends.ssh.target import Target, Wish

SSH = """#!/bin/sh
echo "$@" >> {log}
for last; do :; done
echo "host $last"
echo "hostname $last"
echo "user anna"
echo "port 22"
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fake ssh in front of PATH; the log holds its arguments, a line a call."""
    path = tmp_path / "bin" / "ssh"
    path.parent.mkdir()
    path.write_text(SSH.format(log=tmp_path / "log"))
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")
    return tmp_path / "log"


def config(tmp_path: Path, text: str) -> str:
    path = tmp_path / "ssh_config"
    path.write_text(text)
    return str(path)


def real(tmp_path: Path, text: str, wish: Wish) -> Target:
    """Through the machine's own OpenSSH."""
    if shutil.which("ssh") is None:
        pytest.skip("no OpenSSH client on this machine")
    return Resolver(config_file=config(tmp_path, text)).resolve(wish)


def test_hosts_that_match_the_same_lines_cost_one_question(tmp_path: Path, log: Path) -> None:
    resolver = Resolver(config_file=config(tmp_path, "Host gpu*\n User anna\nHost special\n Port 7\n"))
    for name in ("gpu01", "gpu02", "GPU03"):
        target = resolver.resolve(Wish(name=name))
        assert (target.address, target.user) == (name, "anna")
    resolver.resolve(Wish(name="special"))
    assert len(log.read_text().splitlines()) == 2


def test_what_the_inventory_says_wins_and_needs_no_question_of_its_own(tmp_path: Path, log: Path) -> None:
    resolver = Resolver(config_file=config(tmp_path, ""))
    resolver.resolve(Wish(name="gpu01"))
    target = resolver.resolve(Wish(name="gpu02", address="10.0.0.2", port=2222, user="root", become="sudo"))
    assert (target.address, target.port, target.user, target.become) == ("10.0.0.2", 2222, "root", "sudo")
    assert len(log.read_text().splitlines()) == 1


def test_answers_outlive_the_process_until_a_file_changes(tmp_path: Path, log: Path) -> None:
    path, cache = config(tmp_path, "Host *\n"), tmp_path / "cache.json"
    for _ in range(2):
        resolver = Resolver(config_file=path, cache_file=cache)
        assert resolver.resolve(Wish(name="gpu01")).address == "gpu01"
        assert resolver.resolve(Wish(name="gpu02")).address == "gpu02"
        resolver.save()
    assert len(log.read_text().splitlines()) == 1
    config(tmp_path, "Host *\n Port 24\n")
    resolver = Resolver(config_file=path, cache_file=cache)
    resolver.resolve(Wish(name="gpu01"))
    assert len(log.read_text().splitlines()) == 2


def test_a_reload_sees_a_changed_file(tmp_path: Path, log: Path) -> None:
    path = config(tmp_path, "")
    resolver = Resolver(config_file=path)
    resolver.resolve(Wish(name="gpu01"))
    resolver.reload()
    resolver.resolve(Wish(name="gpu01"))
    assert len(log.read_text().splitlines()) == 1
    config(tmp_path, "Host gpu01\n")
    resolver.reload()
    resolver.resolve(Wish(name="gpu01"))
    assert len(log.read_text().splitlines()) == 2


def test_a_damaged_cache_is_only_slow(tmp_path: Path, log: Path) -> None:
    cache = tmp_path / "cache.json"
    cache.write_text('{"stamps": 3')
    assert Resolver(config_file="none", cache_file=cache).resolve(Wish(name="gpu01")).user == "anna"


def test_conditions_are_asked_for_each_host(tmp_path: Path, log: Path) -> None:
    resolver = Resolver(config_file=config(tmp_path, "Match host gpu01\n Port 7\n"))
    resolver.resolve(Wish(name="gpu01", address="10.0.0.1"))
    resolver.resolve(Wish(name="gpu02"))
    first, second = log.read_text().splitlines()
    assert "HostName=10.0.0.1" in first
    assert second.endswith("-- gpu02")


def test_openssh_itself_is_believed(tmp_path: Path) -> None:
    text = (
        "Host gpu01\n HostName 10.0.0.9\n Port 2200\n User anna\n IdentityFile ~/k/%h\n CertificateFile /c/%n-cert.pub\n"
        " IdentitiesOnly yes\n IdentityAgent none\n HostKeyAlias farm\n UserKnownHostsFile /a/kh /b/kh\n"
        " HashKnownHosts yes\n ProxyCommand nc %h %p %%\n BindAddress 10.0.0.1\n StrictHostKeyChecking accept-new\n"
    )
    target = real(tmp_path, text, Wish(name="gpu01", identity_files=("/mine",)))
    home = os.environ["HOME"]
    assert (target.address, target.port, target.user) == ("10.0.0.9", 2200, "anna")
    assert target.identity_files == ("/mine", f"{home}/k/10.0.0.9")
    assert target.certificate_files == ("/c/gpu01-cert.pub",)
    assert target.identities_only
    assert target.identity_agent == ""
    assert target.key_name == "farm"
    assert target.known_hosts_files == ("/a/kh", "/b/kh")
    assert target.hash_known_hosts
    assert target.proxy_command == "nc 10.0.0.9 2200 %"
    assert target.warnings == (
        "bindaddress is not honoured",
        "stricthostkeychecking accept-new is not honoured: host keys are always checked",
    )


def test_known_hosts_and_keys_default_to_the_home_directory(tmp_path: Path) -> None:
    target = real(tmp_path, "", Wish(name="gpu01"))
    home = os.environ["HOME"]
    assert target.known_hosts_files[0] == f"{home}/.ssh/known_hosts"
    assert f"{home}/.ssh/id_ed25519" in target.identity_files
    assert target.key_name == "gpu01"


def test_jump_hosts_are_resolved_in_order_with_their_own_blocks(tmp_path: Path) -> None:
    text = "Host gpu*\n ProxyJump bob@inner:2222\nHost inner\n HostName 10.0.0.2\n ProxyJump outer\nHost outer\n User carl\n"
    resolver = Resolver(config_file=config(tmp_path, text), identity_files=("/shared",))
    target = resolver.resolve(Wish(name="gpu01"))
    assert target.via == ("outer", "inner")
    inner = target.jump
    assert inner is not None
    assert (inner.address, inner.port, inner.user) == ("10.0.0.2", 2222, "bob")
    assert inner.jump is not None
    assert inner.jump.user == "carl"
    assert inner.jump.identity_files[0] == "/shared"


def test_an_explicit_chain_is_followed_as_written(tmp_path: Path) -> None:
    target = real(tmp_path, "Host gpu*\n ProxyJump a,b,c\nHost b\n ProxyJump elsewhere\n", Wish(name="gpu01"))
    assert target.via == ("a", "b", "c")


def test_jumping_in_circles_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="circles"):
        real(tmp_path, "Host *\n ProxyJump bastion\n", Wish(name="gpu01"))


def test_what_ssh_refuses_is_said_in_its_words(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="Bad configuration option: hst"):
        real(tmp_path, "Hst gpu01\n", Wish(name="gpu01"))


def test_without_openssh_the_fallback_says_what_it_cannot(tmp_path: Path) -> None:
    path = config(tmp_path, "Host gpu01\n HostName 10.0.0.9\n Port 2200\nInclude more\nMatch tagged x\n")
    target = Resolver(config_file=path, program=None).resolve(Wish(name="gpu01"))
    assert (target.address, target.port) == ("10.0.0.9", 2200)
    assert [warning.split(": ", 1)[1] for warning in target.warnings] == [
        f"{path}:4: Include",
        f"{path}:5: Match tagged",
    ]


def test_the_fallback_without_a_file_goes_by_defaults() -> None:
    target = Resolver(config_file="none", program=None).resolve(Wish(name="gpu01"))
    assert (target.address, target.port) == ("gpu01", 22)
    assert target.identity_files[0].endswith("/.ssh/id_ed25519")


def test_what_goes_into_a_shell_is_quoted() -> None:
    answer = parse_answer("proxycommand nc -x '%%' %h %p\nuser anna\n")
    target = build(Wish(name="x", address="10.0.0.1; reboot"), answer, (), ())
    assert target.proxy_command == "nc -x '%' '10.0.0.1; reboot' 22"


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("bastion", Wish(name="bastion")),
        ("anna@bastion:2222", Wish(name="bastion", user="anna", port=2222)),
        ("[fe80::1]:22", Wish(name="fe80::1", port=22)),
        ("ssh://anna@bastion:2222/", Wish(name="bastion", user="anna", port=2222)),
        ("a@b@bastion", Wish(name="bastion", user="a@b")),
    ],
)
def test_hops_are_read_as_openssh_reads_them(text: str, wish: Wish) -> None:
    assert parse_hop(text) == wish


@pytest.mark.parametrize("text", ["", "a:b", "user@", "host:"])
def test_what_is_no_hop(text: str) -> None:
    if text == "host:":
        assert parse_hop(text).port is None
    else:
        with pytest.raises(BadInput):
            parse_hop(text)


@given(st.text(max_size=300))
@settings(max_examples=100)
def test_no_answer_breaks_the_target(text: str) -> None:
    target = build(Wish(name="gpu01"), parse_answer(text), (), ())
    assert target.name == "gpu01"


def test_an_ssh_that_hangs_is_given_up(tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "ASK_SECONDS", 0.05)
    (tmp_path / "bin" / "ssh").write_text("#!/bin/sh\nexec sleep 5\n")
    with pytest.raises(BadInput, match="does not answer"):
        Resolver(config_file="none").resolve(Wish(name="gpu01"))
