from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from backends.config.schema import SshConfig
from backends.inventory.host import Host
from backends.sources.ssh_command import client_argv, interactive_argv, login_argv, wish_for
from backends.ssh.target import Target

PLAIN = Target(
    name="gpu01",
    address="10.0.0.1",
    port=2222,
    user="root",
    identity_files=("/keys/my key",),
    certificate_files=("/keys/50%-cert.pub",),
    identities_only=True,
    host_key_alias="farm",
    known_hosts_files=("/a/known hosts", "/b"),
)


def option(argv: list[str], name: str) -> list[str]:
    return [word.partition("=")[2] for word in argv if word.startswith(f"{name}=")]


def test_the_same_way_with_the_same_keys_and_never_an_unchecked_host_key() -> None:
    argv = interactive_argv(PLAIN)
    assert argv[:5] == ["ssh", "-p", "2222", "-l", "root"]
    assert option(argv, "IdentityFile") == ['"/keys/my key"']
    assert option(argv, "CertificateFile") == ["/keys/50%%-cert.pub"]
    assert option(argv, "IdentitiesOnly") == ["yes"]
    assert option(argv, "HostKeyAlias") == ["farm"]
    assert option(argv, "UserKnownHostsFile") == ['"/a/known hosts" /b']
    assert option(argv, "StrictHostKeyChecking") == ["yes"]
    assert argv[-2:] == ["--", "10.0.0.1"]


def test_a_proxy_command_is_kept() -> None:
    argv = interactive_argv(Target(name="x", address="x", user="u", proxy_command="nc --x 50% x 22"))
    assert option(argv, "ProxyCommand") == ["nc --x 50%% x 22"]


def test_each_hop_brings_its_own_options_through_openssh_s_expansion(tmp_path: Path) -> None:
    """A fake ssh plays the part of OpenSSH: it expands % once and runs the ProxyCommand through sh."""
    if shutil.which("python3") is None:
        pytest.skip("no python3 in PATH")
    log = tmp_path / "log"
    fake = tmp_path / "ssh"
    fake.write_text(
        "#!/usr/bin/env python3\n"
        "import os, re, subprocess, sys\n"
        f"print(*sys.argv[1:], sep='|', file=open({str(log)!r}, 'a'))\n"
        "values = {'h': sys.argv[-1], 'p': sys.argv[sys.argv.index('-p') + 1], '%': '%'}\n"
        "for word in sys.argv:\n"
        "    if word.startswith('ProxyCommand='):\n"
        "        line = re.sub('%(.)', lambda match: values[match[1]], word[13:])\n"
        "        subprocess.run(['/bin/sh', '-c', line], check=True)\n"
    )
    fake.chmod(0o755)
    outer = Target(name="o", address="outer", port=1, user="ann", identity_files=("/k/50% off",))
    inner = Target(name="i", address="inner", port=2, user="bob", jump=outer)
    argv = interactive_argv(Target(name="t", address="fe80::1", port=3, user="root", jump=inner))
    subprocess.run(argv, check=True, env={"PATH": f"{tmp_path}:/usr/local/bin:/usr/bin:/bin"}, timeout=20)
    last, middle, first = (line.split("|") for line in log.read_text().splitlines())
    assert last[-1] == "fe80::1"
    assert middle[middle.index("-W") :] == ["-W", "[fe80::1]:3", "--", "inner"]
    assert first[first.index("-W") :] == ["-W", "[inner]:2", "--", "outer"]
    assert 'IdentityFile="/k/50%% off"' in first, "OpenSSH expands % in a file name once more"
    assert first[:4] == ["-p", "1", "-l", "ann"]


def test_a_host_is_reached_without_an_engine_as_the_configuration_says() -> None:
    ssh = SshConfig(config_file="none", user="root", identity_files=("/shared",), known_hosts_files=("/kh",))
    host = Host(name="gpu01", address="10.0.0.1", identity_files=("/own",))
    argv = login_argv(host, ssh)
    assert option(argv, "IdentityFile")[:2] == ["/own", "/shared"]
    assert option(argv, "UserKnownHostsFile") == ["/kh"]
    assert wish_for(host, ssh).user == "root"
    assert wish_for(Host(name="gpu01", user="ann"), ssh).user == "ann"


def test_a_client_is_the_same_way_for_whatever_name_stands_behind_it() -> None:
    """Borg writes the name of the repository's machine itself; the address, the keys and the check are ours."""
    argv, login = client_argv(PLAIN), interactive_argv(PLAIN)
    assert argv[: len(login) - 2] == login[:-2]
    assert option(argv, "HostName") == ["10.0.0.1"]
    assert "--" not in argv and argv[-1] == "HostName=10.0.0.1"


def test_an_address_with_a_zone_goes_through_openssh_s_expansion() -> None:
    argv = client_argv(Target(name="x", address="fe80::1%eth0", user="u"))
    assert option(argv, "HostName") == ["fe80::1%%eth0"]


def test_a_client_goes_the_same_hops() -> None:
    hop = Target(name="o", address="outer", port=1, user="ann")
    for target in (
        Target(name="t", address="t", user="root", jump=hop),
        Target(name="t", address="t", user="root", proxy_command="nc 50% x"),
        Target(name="t", address="t", user="root"),
    ):
        assert option(client_argv(target), "ProxyCommand") == option(interactive_argv(target), "ProxyCommand")


def test_openssh_understands_it() -> None:
    ssh = shutil.which("ssh")
    if ssh is None:
        pytest.skip("no OpenSSH client here")
    argv = [ssh, "-G", "-F", "none", *client_argv(PLAIN)[1:], "vault"]
    said = subprocess.run(argv, capture_output=True, check=True, timeout=20).stdout.decode().splitlines()
    for line in ("hostname 10.0.0.1", "port 2222", "user root", "stricthostkeychecking true", "hostkeyalias farm"):
        assert line in said
