"""Preflight facts for tests: a sound GPU host with a newer kernel waiting, to be spoiled one fact at a time."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from backends.updates.preflight_model import (
    BootEntry,
    BootKernel,
    CommandAnswer,
    Devices,
    Kernel,
    Loaded,
    Loader,
    Module,
    Preflight,
    Space,
)

OLD, NEW = "5.15.0-25-generic", "5.15.0-204-generic"
DRIVER = "580.95.05"
BOOT_ID = "6fc2a4a0-7a4a-4b1f-9d1b-0f5f5c1f2a3b"
NOW = 1_800_000_000.0


def kernel(version: str, **changes: Any) -> BootKernel:
    sound = BootKernel(
        version=version,
        flavour="generic",
        image_bytes=11_000_000,
        initrd_bytes=90_000_000,
        map_bytes=6_000_000,
        modules=True,
    )
    return replace(sound, **changes)


def entry(version: str, **changes: Any) -> BootEntry:
    linux, initrd = f"/boot/vmlinuz-{version}", f"/boot/initrd.img-{version}"
    sound = BootEntry(
        title=f"Linux {version}",
        id=f"gnulinux-{version}",
        place="0",
        linux=linux,
        linux_exists=True,
        initrds=(initrd,),
        initrds_exist=(True,),
    )
    return replace(sound, **changes)


def modules(version: str, *names: str) -> tuple[Module, ...]:
    """What modinfo says of a kernel that has only `names`."""
    return tuple(
        Module(kernel=version, name=name, present=name in names, version=DRIVER if name == "nvidia" else "")
        for name in ("nvidia", "mlx5_core", "zfs")
    )


def host(**changes: Any) -> Preflight:
    """A sound host, with `changes`."""
    sound = Preflight(
        host="gpu01",
        asked=NOW,
        clock_skew_seconds=0.1,
        root=True,
        kernel=Kernel(running=OLD, boot_id=BOOT_ID, uptime=86400.0),
        managers=("apt-get",),
        locks=(),
        dpkg_rows=(),
        dpkg_updates=(),
        space=(
            space("/", 50_000_000_000),
            space("/var", 50_000_000_000),
            space("/boot", 400_000_000, device=2),
        ),
        kernels=(kernel(OLD), kernel(NEW)),
        next_kernel=NEW,
        loader=Loader(kind="grub", default="0", entries=(entry(NEW), entry(OLD, place="1>1"))),
        modules=(*modules(OLD, "nvidia", "mlx5_core"), *modules(NEW, "nvidia", "mlx5_core")),
        loaded=Loaded(modules=("nvidia", "mlx5_core"), nvidia=DRIVER),
        devices=Devices(nvidia=8, mellanox=2),
        family=(
            ("nvidia-utils-580-server", f"{DRIVER}-0ubuntu0.22.04.1", "ii"),
            ("libnvidia-compute-580-server:amd64", f"{DRIVER}-0ubuntu0.22.04.1", "ii"),
            ("linux-modules-nvidia-580-server-generic", "5.15.0-204.214", "ii"),
        ),
        lists_time=NOW - 3600,
        failed_units=(),
        users=(),
    )
    return replace(sound, **changes)


def space(path: str, free: int, *, device: int = 1, inodes: int | None = 5_000_000, read_only: bool = False) -> Space:
    return Space(
        path=path,
        device=device,
        free_bytes=free,
        total_bytes=10 * free,
        free_inodes=inodes,
        total_inodes=inodes,
        read_only=read_only,
    )


def said(*lines: str, status: int | None = 0, error: str = "") -> CommandAnswer:
    return CommandAnswer(status=status, lines=lines, error=error)
