"""What makes one host itself: the files of its own that lie over the shared tree (name, keys, address, users)."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path

from tests.lab.commands import run
from tests.lab.ground import MOST_HOSTS, Ground, host_name
from tests.lab.network import INSIDE

OPERATOR = "ops"
"""An ordinary user with sudo rights and no password."""
OPERATOR_ID = 1000
BOOT_MEBIBYTES = 48
"""A /boot of its own, small enough to fill."""
UNITS = ("systemd-networkd.service", "ssh.service")

NETWORK = """[Match]
Name=host0
[Network]
Address={address}/24
Gateway={gateway}
LinkLocalAddressing=no
IPv6AcceptRA=no
"""


def write(ground: Ground, host: str, lower: list[Path], upper: Path) -> None:
    """Fill `upper`, the topmost layer of `host`, whose shared layers are `lower` (topmost first)."""
    etc = upper / "etc"
    for path in (
        etc / "ssh",
        etc / "systemd/network",
        etc / "systemd/system/multi-user.target.wants",
        etc / "sudoers.d",
    ):
        path.mkdir(parents=True, exist_ok=True)
    (etc / "hostname").write_text(f"{host}\n")
    (etc / "machine-id").write_text(f"{uuid.uuid4().hex}\n")
    (etc / "hosts").write_text(_hosts(ground))
    (etc / "resolv.conf").write_text("")
    address = NETWORK.format(address=ground.address(host), gateway=f"{ground.prefix}.{INSIDE}")
    (etc / "systemd/network/10-host0.network").write_text(address)
    for unit in UNITS:
        (etc / "systemd/system/multi-user.target.wants" / unit).symlink_to(f"/lib/systemd/system/{unit}")
    _write_users(lower, upper, ground.key.with_suffix(".pub"))
    key = etc / "ssh/ssh_host_ed25519_key"
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"root@{host}", "-f", str(key)])


def public_key(upper: Path) -> str:
    """The host's key as known_hosts wants it: type and base64."""
    return " ".join((upper / "etc/ssh/ssh_host_ed25519_key.pub").read_text().split()[:2])


def boot_image(ground: Ground, target: Path) -> None:
    """Write a small empty ext4 file system, made once a lab."""
    template = ground.fleet / "boot.img"
    if not template.exists():
        with template.open("wb") as file:
            file.truncate(BOOT_MEBIBYTES << 20)
        run(["mkfs.ext4", "-q", "-F", "-L", "boot", str(template)])
    run(["cp", "--sparse=always", str(template), str(target)])


def _write_users(lower: list[Path], upper: Path, key: Path) -> None:
    etc, home = upper / "etc", upper / "home" / OPERATOR
    for name in ("passwd", "group", "shadow"):
        shutil.copy2(next(tree / "etc" / name for tree in lower if (tree / "etc" / name).exists()), etc / name)
    _append(etc / "passwd", f"{OPERATOR}:x:{OPERATOR_ID}:{OPERATOR_ID}::/home/{OPERATOR}:/bin/bash")
    _append(etc / "group", f"{OPERATOR}:x:{OPERATOR_ID}:")
    _append(etc / "shadow", f"{OPERATOR}:*:19000:0:99999:7:::")
    rights = etc / "sudoers.d" / OPERATOR
    rights.write_text(f"{OPERATOR} ALL=(ALL) NOPASSWD: ALL\n")
    rights.chmod(0o440)
    for place in (upper / "root", home):
        (place / ".ssh").mkdir(parents=True, mode=0o700)
        place.chmod(0o700)
        shutil.copyfile(key, place / ".ssh/authorized_keys")
    for path in (home, *home.rglob("*")):
        os.chown(path, OPERATOR_ID, OPERATOR_ID)


def _append(path: Path, line: str) -> None:
    with path.open("a") as file:
        file.write(f"{line}\n")


def _hosts(ground: Ground) -> str:
    names = (host_name(number) for number in range(1, MOST_HOSTS + 1))
    return "127.0.0.1 localhost\n" + "".join(f"{ground.address(name)} {name}\n" for name in names)
