"""Which program can judge a configuration file before it goes into place, what that proves, and what makes it take effect.

Data: a pattern of the path (shell style, `*` does not stop at slashes) and an argv with "{file}". Whether a host has the
program is found out there; one that is not installed judges nothing and stops nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import translate
from functools import lru_cache
from typing import Literal

from backends.backups.placing_model import Check
from backends.metrics.sample import Record

Alternatives = tuple[tuple[str, ...], ...]
"""Argvs of which the first that works counts: a service has other names elsewhere."""
OLD_PROGRAM = ("nrecognized option", "nknown option", "invalid option", "nrecognised option")
"""An older version that cannot check: proves nothing."""


class Validator(Record, frozen=True, kw_only=True):
    """A program that judges a file without putting it to use."""

    paths: tuple[str, ...]
    """Patterns of absolute paths."""
    argv: tuple[str, ...]
    """"{file}" is the restored file; "{root}" a root directory with the live files of `overlay` and the restored over them."""
    proves: str
    """What a success means, in half a sentence."""
    unproven: tuple[str, ...] = ()
    """Words that mean that it could not judge: the machine's state is at fault, not the file."""
    overlay: str = ""


class Reload(Record, frozen=True, kw_only=True):
    """What makes a service read its file again."""

    paths: tuple[str, ...]
    commands: Alternatives
    says: str
    """What it does, and what it interrupts."""


Access = Literal["", "network", "access", "boot"]

SSHD = ("/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/*.conf")
SUDOERS = ("/etc/sudoers", "/etc/sudoers.d/*")
NETPLAN = ("/etc/netplan/*.yaml",)
UNITS = tuple(
    f"/etc/systemd/system/*.{kind}" for kind in ("service", "socket", "timer", "mount", "path", "target", "slice")
)

VALIDATORS: tuple[Validator, ...] = (
    Validator(
        paths=SSHD,
        argv=("sshd", "-t", "-f", "{file}"),
        proves="sshd accepts every option and can read its keys",
        unproven=("Missing privilege separation directory", "no hostkeys available"),
    ),
    Validator(
        paths=("/etc/ssh/ssh_config", "/etc/ssh/ssh_config.d/*.conf"),
        argv=("ssh", "-G", "-F", "{file}", "localhost"),
        proves="the SSH client accepts every option",
    ),
    Validator(paths=SUDOERS, argv=("visudo", "-c", "-f", "{file}"), proves="sudo can read its rules"),
    Validator(
        paths=NETPLAN,
        argv=("netplan", "generate", "--root-dir", "{root}"),
        overlay="/etc/netplan",
        proves="netplan can make a network set-up of all its files together; not that the network works with it",
    ),
    Validator(
        paths=("/etc/network/interfaces", "/etc/network/interfaces.d/*"),
        argv=("ifquery", "--list", "-a", "-i", "{file}"),
        proves="ifupdown can read it; not that the network works with it",
    ),
    Validator(
        paths=("/etc/nftables.conf", "/etc/nftables/*.nft", "/etc/sysconfig/nftables.conf"),
        argv=("nft", "-c", "-f", "{file}"),
        proves="the kernel would take these rules; not that they let anybody in",
        unproven=("Operation not permitted", "cache initialization failed"),
    ),
    Validator(
        paths=("/etc/iptables/rules.v4", "/etc/sysconfig/iptables"),
        argv=("sh", "-c", 'exec iptables-restore --test <"$1"', "sh", "{file}"),
        proves="iptables would take these rules; not that they let anybody in",
        unproven=("not found", "Permission denied"),
    ),
    Validator(
        paths=("/etc/fstab",),
        argv=("findmnt", "--verify", "--tab-file", "{file}"),
        proves="every line can be read, and every device and directory exists here",
    ),
    Validator(
        paths=UNITS,
        argv=("systemd-analyze", "verify", "--man=no", "{file}"),
        proves="systemd can load the unit and finds its programs",
        unproven=("Failed to create bus", "Failed to initialize manager", "Failed to setup", *OLD_PROGRAM),
    ),
    Validator(
        paths=("/etc/sysctl.conf", "/etc/sysctl.d/*.conf"),
        argv=("sysctl", "--dry-run", "-p", "{file}"),
        proves="every line is a setting that this kernel has",
        unproven=OLD_PROGRAM,
    ),
    Validator(
        paths=("/etc/apt/apt.conf", "/etc/apt/apt.conf.d/*"),
        argv=("apt-config", "-c", "{file}", "dump"),
        proves="apt can read its settings",
    ),
    Validator(
        paths=("/etc/nginx/nginx.conf",),
        argv=("nginx", "-t", "-c", "{file}"),
        proves="nginx accepts it together with the files that it includes",
    ),
    Validator(
        paths=("/etc/haproxy/haproxy.cfg",),
        argv=("haproxy", "-c", "-f", "{file}"),
        proves="haproxy accepts it",
    ),
    Validator(
        paths=("/etc/bind/named.conf", "/etc/named.conf"),
        argv=("named-checkconf", "{file}"),
        proves="named accepts it together with the files that it includes",
    ),
    Validator(
        paths=("/etc/chrony/chrony.conf", "/etc/chrony.conf"),
        argv=("chronyd", "-p", "-f", "{file}"),
        proves="chronyd accepts every directive",
        unproven=OLD_PROGRAM,
    ),
    Validator(
        paths=("/etc/dnsmasq.conf", "/etc/dnsmasq.d/*.conf"),
        argv=("dnsmasq", "--test", "--conf-file={file}"),
        proves="dnsmasq accepts it",
    ),
    Validator(
        paths=("/etc/rsyslog.conf",),
        argv=("rsyslogd", "-N1", "-f", "{file}"),
        proves="rsyslog accepts it",
    ),
    Validator(
        paths=("/etc/logrotate.conf", "/etc/logrotate.d/*"),
        argv=("logrotate", "--debug", "{file}"),
        proves="logrotate can read it",
    ),
    Validator(
        paths=("/etc/docker/daemon.json",),
        argv=("dockerd", "--validate", "--config-file={file}"),
        proves="docker accepts it",
        unproven=(*OLD_PROGRAM, "unknown flag"),
    ),
    Validator(
        paths=("/etc/prometheus/prometheus.yml", "/etc/prometheus/prometheus.yaml"),
        argv=("promtool", "check", "config", "--syntax-only", "{file}"),
        proves="Prometheus can read it",
        unproven=("unknown long flag",),
    ),
    Validator(
        paths=("/etc/alertmanager/*.yml", "/etc/prometheus/alertmanager.yml"),
        argv=("amtool", "check-config", "{file}"),
        proves="Alertmanager accepts it",
    ),
    Validator(
        paths=("/var/spool/cron/*",),
        argv=("crontab", "-T", "{file}"),
        proves="cron can read every line",
        unproven=("invalid option", "usage:"),
    ),
    Validator(
        paths=("/etc/profile", "/etc/profile.d/*.sh", "/etc/default/*", "/usr/local/bin/*.sh", "/usr/local/sbin/*.sh"),
        argv=("sh", "-n", "{file}"),
        proves="the shell can read it; not that it does the right thing",
    ),
    Validator(
        paths=("/etc/bash.bashrc", "/etc/bashrc", "/root/.bashrc", "/home/*/.bashrc"),
        argv=("bash", "-n", "{file}"),
        proves="bash can read it; not that it does the right thing",
    ),
)

_SSH = (("systemctl", "reload", "ssh.service"), ("systemctl", "reload", "sshd.service"), ("service", "ssh", "reload"))
_DAEMON = (("systemctl", "daemon-reload"),)


def _service(paths: Sequence[str], unit: str, *, verb: str = "reload") -> Reload:
    says = (
        "reads its file again without an interruption" if verb == "reload" else "is restarted: it is away for a moment"
    )
    return Reload(paths=tuple(paths), commands=(("systemctl", verb, unit),), says=f"{unit.partition('.')[0]} {says}")


RELOADS: tuple[Reload, ...] = (
    Reload(paths=SSHD, commands=_SSH, says="sshd reads its file again; sessions stay"),
    Reload(
        paths=("/etc/systemd/system/*",), commands=_DAEMON, says="systemd reads unit files again; nothing is restarted"
    ),
    Reload(paths=("/etc/fstab",), commands=_DAEMON, says="systemd reads fstab again; nothing is mounted or unmounted"),
    Reload(paths=NETPLAN, commands=(("netplan", "apply"),), says="the network is set up anew: connections may break"),
    Reload(
        paths=("/etc/network/interfaces", "/etc/network/interfaces.d/*"),
        commands=(("ifreload", "-a"), ("systemctl", "restart", "networking.service")),
        says="the network is set up anew: connections may break",
    ),
    Reload(
        paths=("/etc/NetworkManager/*",),
        commands=(("nmcli", "general", "reload"),),
        says="NetworkManager reads its files again; a connection takes them when it is next brought up",
    ),
    Reload(
        paths=("/etc/systemd/network/*",),
        commands=(("networkctl", "reload"),),
        says="networkd reads its files again and changes links whose files changed",
    ),
    Reload(
        paths=("/etc/sysctl.conf", "/etc/sysctl.d/*"),
        commands=(("sysctl", "--system"),),
        says="every setting is written to the kernel; one that was taken out stays until a reboot",
    ),
    Reload(
        paths=("/etc/nftables.conf", "/etc/nftables/*", "/etc/sysconfig/nftables.conf"),
        commands=(("systemctl", "reload", "nftables.service"), ("systemctl", "restart", "nftables.service")),
        says="the packet filter is replaced in one step",
    ),
    Reload(
        paths=("/etc/iptables/rules.v4", "/etc/sysconfig/iptables"),
        commands=(
            ("systemctl", "restart", "netfilter-persistent.service"),
            ("systemctl", "reload", "iptables.service"),
        ),
        says="the packet filter is loaded anew",
    ),
    Reload(
        paths=("/etc/slurm/*.conf", "/etc/slurm-llnl/*.conf"),
        commands=(("scontrol", "reconfigure"),),
        says="Slurm reads its files again on every node; node and partition changes may need a restart of slurmctld",
    ),
    Reload(
        paths=("/etc/udev/rules.d/*",),
        commands=(("udevadm", "control", "--reload"),),
        says="udev reads its rules again; devices that are there keep their names",
    ),
    _service(("/etc/nginx/*",), "nginx.service"),
    _service(("/etc/haproxy/*",), "haproxy.service"),
    _service(("/etc/prometheus/*",), "prometheus.service"),
    _service(("/etc/chrony/*", "/etc/chrony.conf"), "chrony.service", verb="restart"),
    _service(("/etc/rsyslog.conf", "/etc/rsyslog.d/*"), "rsyslog.service", verb="restart"),
    _service(("/etc/docker/daemon.json",), "docker.service"),
    _service(("/etc/containerd/*",), "containerd.service", verb="restart"),
)

ACCESS: tuple[tuple[Access, tuple[str, ...]], ...] = (
    (
        "network",
        (
            "/etc/netplan/*",
            "/etc/network/*",
            "/etc/NetworkManager/*",
            "/etc/systemd/network/*",
            "/etc/sysconfig/network-scripts/*",
            "/etc/nftables.conf",
            "/etc/nftables/*",
            "/etc/sysconfig/nftables.conf",
            "/etc/iptables/*",
            "/etc/sysconfig/iptables",
            "/etc/ufw/*",
            "/etc/firewalld/*",
            "/etc/resolv.conf",
            "/etc/hosts.allow",
            "/etc/hosts.deny",
        ),
    ),
    (
        "access",
        (
            "/etc/ssh/*",
            "/root/.ssh/*",
            "/home/*/.ssh/*",
            "/etc/pam.d/*",
            "/etc/pam.conf",
            "/etc/security/*",
            "/etc/sudoers",
            "/etc/sudoers.d/*",
            "/etc/nsswitch.conf",
            "/etc/passwd",
            "/etc/shadow",
            "/etc/group",
            "/etc/gshadow",
            "/etc/shells",
            "/etc/sssd/*",
            "/etc/krb5.conf",
            "/etc/ld.so.preload",
            "/etc/selinux/*",
        ),
    ),
    ("boot", ("/etc/fstab", "/etc/crypttab")),
)
"""Files that can lock everybody out: their restore is put back by itself unless somebody says that all is well."""

IDENTITY = (
    "/etc/machine-id",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/fstab",
    "/etc/crypttab",
    "/etc/ssh/ssh_host_*",
    "/etc/netplan/*",
    "/etc/network/*",
    "/etc/NetworkManager/system-connections/*",
    "/etc/udev/rules.d/70-persistent*",
    "/etc/mdadm/*",
    "/etc/lvm/*",
    "/etc/multipath*",
    "/etc/munge/*",
    "/boot/*",
)
"""What belongs to one machine and makes another one wrong."""


@lru_cache(maxsize=512)
def _pattern(patterns: tuple[str, ...]) -> tuple[tuple[str, ...], re.Pattern[str]]:
    """What comes before the first wildcard of each, for a quick no, and all of them as one expression."""
    heads = tuple({re.split(r"[*?\[]", pattern, maxsplit=1)[0] for pattern in patterns})
    return heads, re.compile("|".join(translate(pattern) for pattern in patterns))


def matches(path: str, patterns: tuple[str, ...]) -> bool:
    """Whether an absolute path is meant by one of the patterns."""
    heads, pattern = _pattern(patterns)
    return path.startswith(heads) and pattern.match(path) is not None


def concerns(path: str) -> bool:
    """Whether anything is known about such a path at all: of a million files of data nothing is."""
    return path.startswith(_HEADS)


def validator(path: str) -> Validator | None:
    """What judges the file at an absolute path; None when nothing is known to."""
    return next((each for each in VALIDATORS if matches(path, each.paths)), None)


def reloading(path: str) -> Reload | None:
    """What makes the file at an absolute path take effect; None when nothing has to be done, or nothing is known."""
    return next((each for each in RELOADS if matches(path, each.paths)), None)


def access(path: str) -> Access:
    """Whether a wrong file there can lock everybody out, and by what."""
    return next((kind for kind, patterns in ACCESS if matches(path, patterns)), "")


def checks(paths: Iterable[str]) -> tuple[Check, ...]:
    """The checks of restored files.

    Args:
        paths: relative to the scratch tree and to "/" alike (real names).
    """
    found = []
    for path in paths:
        known = validator(f"/{path}")
        if known is not None:
            found.append(Check(file=path, argv=known.argv, unproven=known.unproven, overlay=known.overlay))
    return tuple(found)


_HEADS = tuple(
    {
        head
        for patterns in (
            *(each.paths for each in VALIDATORS),
            *(each.paths for each in RELOADS),
            *(patterns for _, patterns in ACCESS),
            IDENTITY,
        )
        for head in _pattern(patterns)[0]
    }
)
