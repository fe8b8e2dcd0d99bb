"""Package name → class, the first pattern that matches wins (reference: patching §2.6).

The class decides what is filtered, what asks for a reboot and which packages only move together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from backends.updates.model import Change, PackageClass

_GPU = (
    r"(lib)?nvidia-.*|linux-(modules|objects|signatures)-nvidia-.*|cuda-drivers.*|xserver-xorg-video-nvidia.*"
    r"|libnvidia-nscq-.*|kmod-nvidia.*|nvidia"
)

PATTERNS: tuple[tuple[PackageClass, str], ...] = (
    (PackageClass.CONTAINER, r"nvidia-container-.*|libnvidia-container.*|docker.*|containerd.*|runc"),
    (PackageClass.GPU_DRIVER, _GPU + r"|amdgpu-dkms|rocm-.*|hsa-.*|amdgpu-core|datacenter-gpu-manager.*"),
    (PackageClass.FABRIC, r"mlnx-.*|doca-.*|kmod-mlnx.*|rdma-core|ibverbs-.*|opensm|libibverbs.*"),
    (PackageClass.FIRMWARE, r"linux-firmware.*|firmware-.*|intel-microcode|amd64-microcode|microcode_ctl|ucode-.*"),
    (
        PackageClass.KERNEL,
        r"linux-(image|headers|modules|modules-extra|generic|virtual|base).*|linux(-lts|-zen)?"
        r"|kernel(-core|-modules.*|-devel|-headers|-default.*)?|dkms|zfs-dkms",
    ),
    (PackageClass.BOOT, r"grub.*|shim.*|systemd-boot.*|initramfs-tools.*|dracut.*|mkinitcpio"),
    (PackageClass.CORE_LIB, r"libc6|glibc.*|libssl.*|openssl.*|libcrypt.*|systemd.*|dbus.*|libstdc\+\+.*|zlib.*"),
    (PackageClass.ACCESS, r"openssh-.*|sudo|pam|libpam.*|sssd.*|cloud-init|netplan.*|NetworkManager.*"),
    (PackageClass.SCHEDULER, r"slurm.*|munge|kubelet|kubeadm|cri-o"),
)
"""In order. The container toolkit comes before the driver, because its names look like the driver's."""

_COMPILED = tuple((kind, re.compile(pattern)) for kind, pattern in PATTERNS)

FAMILY = re.compile(_GPU + r"|nvidia-fabricmanager-.*|nvidia-imex-.*")
"""The packages that must move, be held and be released as one (reference: patching §2.5)."""

WANTS_REBOOT = frozenset(
    {PackageClass.KERNEL, PackageClass.GPU_DRIVER, PackageClass.FABRIC, PackageClass.FIRMWARE, PackageClass.CORE_LIB}
)
"""Classes whose new version only works, or only works safely, after a reboot."""


@lru_cache(maxsize=65536)
def classify(name: str) -> PackageClass:
    """The class of a package, REST when no pattern knows it."""
    return next((kind for kind, pattern in _COMPILED if pattern.fullmatch(name)), PackageClass.REST)


@lru_cache(maxsize=65536)
def in_family(name: str) -> bool:
    """Whether the package belongs to the NVIDIA driver family."""
    return classify(name) is not PackageClass.CONTAINER and FAMILY.fullmatch(name) is not None


def reboot_reasons(changes: Iterable[Change]) -> tuple[str, ...]:
    """The changed packages whose new version only works after a reboot."""
    return tuple(f"{each.name} ({each.package_class})" for each in changes if each.package_class in WANTS_REBOOT)
