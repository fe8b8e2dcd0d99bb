"""The configuration of a host as one tar: what is in it, what never is, and that nothing on the host can break or trick it."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from backends.backups.names import escaped
from backends.backups.snapshots import PARTS, arguments, read
from backends.hostkit.bundle import pack, source
from backends.hostkit.travel import command
from tests.unit.backups.snapshot_case import python_only, run, taken, tar_of
from tests.unit.hostkit.parts import plant, program

PEM = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ\n-----END OPENSSH PRIVATE KEY-----\n"
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")

TREE: dict[str, str | bytes] = {
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\n",
    "etc/shadow": "root:$6$salt$hash:19000:0:99999:7:::\n",
    "etc/gshadow-": "root:*::\n",
    "etc/ssh/sshd_config": "PermitRootLogin no\n",
    "etc/ssh/ssh_host_ed25519_key": PEM,
    "etc/ssh/ssh_host_ed25519_key.pub": "ssh-ed25519 AAAA host\n",
    "etc/munge/munge.key": b"\x00\x01\x02",
    "etc/slurm/slurm.conf": "ClusterName=lab\n",
    "etc/slurm/slurmdbd.conf": "StoragePass=x\n",
    "etc/kubernetes/pki/ca.crt": "cert\n",
    "etc/haproxy/site.pem": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n" + PEM,
    "etc/default/vllm": "HF_TOKEN=hf_abcdefghijklmnopqrstuvwx\n",
    "etc/default/grub": "GRUB_TIMEOUT=5\n",
    "etc/systemd/system/ollama.service": "[Service]\nExecStart=/usr/bin/ollama serve\n",
    "etc/systemd/system/train.service": '[Service]\nEnvironment="WANDB_API_KEY=0123456789abcdef"\n',
    "etc/apt/keyrings/vendor.key": "public\n",
    "etc/ld.so.cache": b"derived",
    "etc/.git/HEAD": "ref\n",
    "boot/grub/grub.cfg": "set timeout=5\n",
    "boot/vmlinuz": b"kernel",
    "opt/nvidia/etc/dcgm.conf": "a=1\n",
    "opt/data/huge.bin": b"no configuration",
    "root/.ssh/authorized_keys": "ssh-ed25519 AAAA me\n",
    "root/.ssh/id_ed25519": PEM,
    "root/.ssh/config": "Host *\n",
    "root/notes.txt": "private\n",
    "home/ann/.ssh/authorized_keys": "ssh-ed25519 AAAA ann\n",
    "home/ann/.ssh/id_rsa": PEM,
    "var/spool/cron/crontabs/root": "0 3 * * * true\n",
    "srv/llm/docker-compose.yml": "services: {}\n",
    "srv/llm/.env": "API_KEY=0123456789\n",
    "srv/triton/resnet/config.pbtxt": "name: 'resnet'\n",
    "var/lib/kubelet/config.yaml": "kind: KubeletConfiguration\n",
}
SECRETS = {
    "etc/shadow",
    "etc/gshadow-",
    "etc/ssh/ssh_host_ed25519_key",
    "etc/munge/munge.key",
    "etc/slurm/slurmdbd.conf",
    "etc/kubernetes/pki/ca.crt",
    "etc/haproxy/site.pem",
    "etc/default/vllm",
    "etc/systemd/system/train.service",
    "root/.ssh/id_ed25519",
    "srv/llm/.env",
}
NEITHER = {
    "etc/ld.so.cache",
    "etc/.git/HEAD",
    "boot/vmlinuz",
    "opt/data/huge.bin",
    "root/notes.txt",
    "home/ann/.ssh/id_rsa",
}


def files(snapshot: Any) -> set[str]:
    return {path for path, each in snapshot.entries.items() if each.type == "-"}


def test_every_file_is_in_exactly_one_of_the_two(tmp_path: Path) -> None:
    plant(tmp_path, TREE)
    assert files(taken(tmp_path, "secrets")) == SECRETS
    assert files(taken(tmp_path, "config")) == set(TREE) - SECRETS - NEITHER


def test_modes_owners_times_and_contents_are_those_of_the_files(tmp_path: Path) -> None:
    plant(tmp_path, {"etc/motd": "hello\n"})
    place = tmp_path / "etc/motd"
    place.chmod(0o2640)
    os.utime(place, (1_700_000_000, 1_700_000_000.75))
    found = taken(tmp_path).entries["etc/motd"]
    assert (found.mode, found.size, found.mtime) == (0o2640, 6, 1_700_000_000)
    assert (found.uid, found.gid) == (os.geteuid(), os.getegid())
    assert taken(tmp_path).contents["etc/motd"] == b"hello\n"


@ROOT
def test_capabilities_and_access_lists_are_written_down(tmp_path: Path) -> None:
    plant(tmp_path, {"usr/local/bin/ping": b"x"})
    try:
        os.setxattr(tmp_path / "usr/local/bin/ping", "user.swarm", b"\x01\x02")
    except OSError:
        pytest.skip("this file system keeps no extended attributes")
    assert taken(tmp_path).entries["usr/local/bin/ping"].xattrs == {"user.swarm": "0102"}


def test_links_are_kept_as_links_and_never_followed(tmp_path: Path) -> None:
    outside = plant(tmp_path / "outside", {"secret/file": "x"})
    plant(tmp_path / "host", {"etc/a": "x"})
    (tmp_path / "host/etc/link").symlink_to(outside / "secret")
    (tmp_path / "host/etc/dangling").symlink_to("nowhere\nat all")
    found = taken(tmp_path / "host").entries
    assert found["etc/link"].target == str(outside / "secret")
    assert found["etc/dangling"].target == "nowhere\\x0aat all"
    assert set(found) == {"etc", "etc/a", "etc/link", "etc/dangling"}


def test_a_link_on_the_way_is_followed_where_nobody_else_could_have_put_it(tmp_path: Path) -> None:
    plant(tmp_path, {"data/opt/tool/etc/tool.conf": "x"})
    (tmp_path / "opt").symlink_to("data/opt")
    assert "opt/tool/etc/tool.conf" in taken(tmp_path).entries


@ROOT
def test_a_user_cannot_make_root_read_elsewhere_through_a_link(tmp_path: Path) -> None:
    plant(tmp_path, {"root/.ssh/authorized_keys": "of root\n", "home/bob/x": ""})
    (tmp_path / "home/bob/.ssh").symlink_to("../../root/.ssh")
    os.chown(tmp_path / "home/bob", 1234, 1234)
    os.lchown(tmp_path / "home/bob/.ssh", 1234, 1234)
    found = taken(tmp_path)
    assert "home/bob/.ssh/authorized_keys" not in found.entries
    assert ("/home/bob/.ssh", "a link that others can change") in found.meta.left_out


@pytest.mark.parametrize(
    "name",
    [
        b"new\nline",
        b"\xff\xfe raw",
        "日本語".encode(),
        b"esc\x1b[2J",
        b"back\\slash",
        b"n" * 120,
        b"\xc3\xa9" * 60,
        b"-",
        b" ",
        "\u3000\ue000\xa0\u0378".encode(),
    ],
)
def test_names_of_any_bytes_come_through(name: bytes, tmp_path: Path) -> None:
    folder = plant(tmp_path, {"etc/x/keep": ""}) / "etc/x"
    Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(b"content")
    assert taken(tmp_path).contents[f"etc/x/{escaped(os.fsdecode(name))}"] == b"content"


def test_what_is_too_large_or_no_file_is_told(tmp_path: Path) -> None:
    plant(tmp_path, {"etc/a": "x" * 100, "etc/b": "x" * 300, "etc/c": "y" * 90, "etc/d": "z" * 90})
    os.mkfifo(tmp_path / "etc/fifo")
    found = taken(tmp_path, file_limit=200, total_limit=200)
    assert files(found) == {"etc/a", "etc/c"}
    assert found.meta.left_out == (
        ("/etc/b", "300 bytes are more than 200"),
        ("/etc/d", "the snapshot would be too large"),
        ("/etc/fifo", "neither file, directory nor link"),
    )


@ROOT
def test_what_may_not_be_read_is_told(tmp_path: Path) -> None:
    plant(tmp_path, {"etc/open": "x", "etc/closed": "x", "etc/private/x": "x"})
    for place in (tmp_path, *tmp_path.parents[:-1]):
        place.chmod(place.stat().st_mode | 0o055)
    (tmp_path / "etc/closed").chmod(0)
    (tmp_path / "etc/private").chmod(0o700)
    done = run(top=str(tmp_path), user=65534)
    found = read([done.stdout.partition(b"tar\n")[2]])
    assert files(found) == {"etc/open"} and not found.meta.root
    assert [path for path, _ in found.meta.left_out] == ["/etc/closed", "/etc/private"]


def test_pseudo_file_systems_are_not_read_even_when_asked_for(tmp_path: Path) -> None:
    plant(tmp_path, {"proc/kcore": "x", "srv/x": "y"})
    found = taken(tmp_path, paths=["/proc", "/proc/kcore", "/srv/x"])
    assert files(found) == {"srv/x"}
    assert ("/proc", "no file there is stored") in found.meta.left_out


def test_mount_points_are_read_as_the_kernel_writes_them() -> None:
    text = (
        "22 1 254:0 / / rw shared:1 - ext4 /dev/vda rw\n"
        "23 22 0:40 / /home rw,nosuid - nfs4 filer:/home rw\n"
        "24 22 0:41 / /mnt/a\\040b rw - autofs systemd-1 rw\n"
        "25 24 0:42 / /mnt/a\\040b rw - xfs /dev/vdb rw\nbroken\n"
    )
    found = program("kit_snapshot_walk").mount_points(text)
    assert found == {"/": "ext4", "/home": "nfs4", "/mnt/a b": "xfs"}


@pytest.mark.parametrize(("kind", "remote"), [("nfs", True), ("nfs4", True), ("fuse.sshfs", True), ("lustre", True), ("autofs", True), ("ext4", False), ("xfs", False), ("overlay", False), ("zfs", False), ("vfat", False)])  # fmt: skip
def test_file_systems_of_other_machines_are_known(kind: str, remote: bool) -> None:
    assert bool(program("kit_snapshot_walk").REMOTE.match(kind)) is remote


def test_two_runs_of_a_tree_differ_only_in_what_the_snapshot_says_of_itself(tmp_path: Path) -> None:
    plant(tmp_path, TREE)
    with opened(tmp_path) as first, opened(tmp_path) as second:
        for old, new in zip(first, second, strict=True):
            assert old.get_info() == new.get_info() or old.name == "swarm/meta.json"
            if old.isfile() and old.name not in ("swarm/meta.json", "swarm/manifest.jsonl"):
                assert first.extractfile(old).read() == second.extractfile(new).read()  # type: ignore[union-attr]


def opened(root: Path) -> tarfile.TarFile:
    return tarfile.open(fileobj=BytesIO(tar_of(top=str(root))))


def test_the_manifest_is_last_and_tells_of_everything(tmp_path: Path) -> None:
    plant(tmp_path, TREE)
    with opened(tmp_path) as tar:
        names = tar.getnames()
        assert names[-1] == "swarm/manifest.jsonl" and names[-2] == "swarm/meta.json"
        rows = [json.loads(line) for line in tar.extractfile(names[-1]).read().splitlines()]  # type: ignore[union-attr]
        assert [row["path"] for row in rows] == names[:-1]
        for row in rows:
            member = tar.getmember(row["path"])
            assert (row["mode"], row["mtime"], row.get("size", 0)) == (member.mode, member.mtime, member.size)


def test_when_nobody_reads_any_more_it_ends(tmp_path: Path) -> None:
    plant(tmp_path, {f"etc/{number}": "x" * 100_000 for number in range(40)})
    payload = pack("snapshot", PARTS, arguments("config") | {"facts": [], "lists": {}, "top": str(tmp_path)})
    with subprocess.Popen(
        ["/bin/sh", "-c", command(len(payload), "none", apart=True)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(payload)
        process.stdin.flush()
        process.stdout.read(1000)
        process.stdout.close()
        assert process.wait(20) != 0


def test_it_runs_where_only_the_smallest_python_is_installed(tmp_path: Path) -> None:
    plant(tmp_path, TREE)
    payload = pack("snapshot", PARTS, arguments("config") | {"facts": [], "lists": {}, "top": str(tmp_path)})
    absent = "('json', '_json', 'ctypes', 'tarfile', 'pwd', 'grp', 'shutil', 'tempfile', 'typing')"
    done = python_only(payload, f"import sys\nfor name in {absent}: sys.modules[name] = None")
    assert done.returncode == 0, done.stderr.decode()
    assert files(read([done.stdout.partition(b"tar\n")[2]])) == set(TREE) - SECRETS - NEITHER


@pytest.mark.parametrize("name", ["snapshot", *PARTS])
def test_its_syntax_is_known_to_python_3_6(name: str) -> None:
    ast.parse(source(name), feature_version=(3, 6))
