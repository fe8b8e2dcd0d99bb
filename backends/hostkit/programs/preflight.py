"""Everything that must be known about a host before it is patched or rebooted, in one round trip.

ARGUMENTS: {"jobs": [name, …], "needs": bool}. Python 3.6, standard library only. Answers after the magic one line of JSON:
{"ok": true, "begin", "end", "root", "facts": {name: {"value", "seconds"} or {"error"}}}. Changes nothing, takes no lock.
"""

import os
import time

import kit_boot as boot
import kit_loader
import kit_packages as packages
import kit_stale as stale
from kit_ask import content, gather
from kit_job import summary
from kit_text import encode

MAGIC = b"\nswarm-kit 1 answer\n"
QUICK, USUAL, SLOW = 5.0, 15.0, 60.0


def system():
    text = content("/etc/os-release") or content("/usr/lib/os-release") or ""
    pairs = [line.split("=", 1) for line in text.split("\n") if "=" in line]
    wanted = ("ID", "VERSION_ID", "PRETTY_NAME", "ID_LIKE")
    return {name.lower(): value.strip().strip("\"'")[:200] for name, value in pairs if name in wanted}


def kernel():
    return {
        "running": boot.running(),
        "machine": os.uname().machine,
        "boot_id": (content(packages.proc() + "/sys/kernel/random/boot_id", 64) or "").strip(),
        "uptime": float((content(packages.proc() + "/uptime") or "").split()[0]),
    }


def jobs_of(names):
    return lambda: {name: summary(name) for name in names}


def tasks(arguments):
    facts = [
        ("system", system, QUICK),
        ("kernel", kernel, QUICK),
        ("managers", packages.managers, QUICK),
        ("jobs", jobs_of(arguments["jobs"]), QUICK),
        ("locks", packages.locks, QUICK),
        ("dpkg_updates", packages.dpkg_updates, QUICK),
        ("pacman_lock", packages.pacman_lock, QUICK),
        ("reboot_files", packages.reboot_files, QUICK),
        ("space", boot.space, QUICK),
        ("kernels", boot.kernels, QUICK),
        ("next_kernel", boot.next_kernel, QUICK),
        ("loader", kit_loader.loader, QUICK),
        ("links", kit_loader.links, QUICK),
        ("loaded", boot.loaded, QUICK),
        ("devices", boot.devices, QUICK),
        ("lists_time", packages.lists_time, USUAL),
        ("dpkg_rows", packages.dpkg_rows, USUAL),
        ("modules", boot.modules, USUAL),
        ("family", packages.family, USUAL),
        ("failed_units", stale.failed_units, USUAL),
        ("timers", stale.timers, USUAL),
        ("users", stale.users, USUAL),
        ("dkms", boot.dkms, USUAL),
        ("fabric_manager", packages.fabric_manager, USUAL),
        ("nvml", packages.nvml, USUAL),
        ("holds", packages.holds, SLOW),
    ]
    if arguments["needs"]:
        facts += [
            ("stale", stale.stale, USUAL),
            ("module_tree_gone", stale.module_tree_gone, QUICK),
            ("needrestart", stale.needrestart, SLOW),
            ("dnf_reboot", stale.dnf_reboot, SLOW),
            ("dnf_services", stale.dnf_services, SLOW),
            ("zypper_reboot", stale.zypper_reboot, SLOW),
            ("zypper_services", stale.zypper_services, SLOW),
        ]
    return facts


def main(arguments):
    begin = time.time()
    facts = gather(tasks(arguments))
    head = encode({"ok": True, "begin": begin, "end": time.time(), "root": os.geteuid() == 0})
    data = MAGIC + head[:-1] + b',"facts":' + facts + b"}\n"
    while data:
        data = data[os.write(1, data) :]


if __name__ == "__main__":
    main(ARGUMENTS)  # noqa: F821 (set by the bundle)
