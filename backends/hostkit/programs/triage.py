"""Everything that an engineer on call asks a sick host first, in one round trip of at most 15 s. Changes nothing there.

ARGUMENTS: {"sections": [name, …] or [] for all, "scale": factor of all deadlines}. Python 3.6, standard library only. Answers after the magic one line of JSON:
{"ok": true, "begin", "end", "root", "sections": [{"step", "name", "command", "kind", "status", "text", "error", "cut", "seconds",
"note"}]}; kind is "done" (a program ended, with its status), "absent", "noperm", "failed", "stuck" or "skipped".
"""

import os
import sys
import time

import kit_triage_changes as changes
import kit_triage_gpu as gpu
import kit_triage_read as look
from kit_text import encode
from kit_triage import Piece, gather
from kit_triage_process import proc

MAGIC = b"\nswarm-kit 1 answer\n"
ALIVE, KERNEL, PCI, GPUS, LOAD, DISKS, SERVICES, NETWORK, CHANGES = range(1, 10)
SECONDS = {
    ALIVE: 2.0,
    KERNEL: 5.0,
    PCI: 1.0,
    GPUS: 10.0,
    LOAD: 3.0,
    DISKS: 5.0,
    SERVICES: 3.0,
    NETWORK: 2.0,
    CHANGES: 3.0,
}
FRAGILE = (GPUS,)  # after one stuck piece nothing more is asked: each more is one more process that cannot die
UNITS = (
    "nvidia-persistenced nvidia-fabricmanager nvidia-dcgm dcgm nvidia-imex docker containerd slurmd kubelet sshd ssh chronyd "
    "chrony systemd-timesyncd"
).split()
PS = ["ps", "-eo", "pid,ppid,user,stat,wchan:20,pcpu,rss,etime,comm", "--sort=-pcpu"]
PLAIN = ["--no-pager"]  # not -q: it hides that the journal may not be read


def pieces():
    return [
        Piece(ALIVE, "system", look.system, 1.0),
        Piece(ALIVE, "boots", ["last", "-x", "-F", "-n", "10", "reboot", "shutdown"], 1.0, lines=12),
        Piece(ALIVE, "who", ["who"], 1.0, lines=50),
        Piece(ALIVE, "journal.boots", ["journalctl", "--list-boots", *PLAIN], 1.5, tail=True, lines=5),
        Piece(KERNEL, "kernel.log", look.kernel_log, 4.0, tail=True),
        Piece(KERNEL, "kernel.before", look.end_of_last_boot, 2.0, tail=True, plan=True),
        Piece(PCI, "pci", look.pci, 1.0),
        Piece(PCI, "nvidia.version", look.reader(proc() + "/driver/nvidia/version"), 0.5),
        Piece(PCI, "nvidia.nodes", look.gpu_nodes, 0.5),
        Piece(GPUS, "gpu.fields", gpu.fields, 5.0, plan=True),
        Piece(GPUS, "gpu", gpu.table, 8.0, plan=True),
        Piece(
            GPUS,
            "gpu.apps",
            ["nvidia-smi", "--query-compute-apps=gpu_uuid,pid,process_name,used_memory", gpu.FORMAT],
            5.0,
        ),
        Piece(GPUS, "gpu.nvlink", ["nvidia-smi", "nvlink", "-e"], 5.0),
        Piece(LOAD, "waiting", look.waiting, 1.0),
        Piece(LOAD, "pressure", look.pressure, 0.5),
        Piece(LOAD, "memory", look.reader(proc() + "/meminfo"), 0.5),
        Piece(LOAD, "processes", PS, 2.0, lines=31),
        Piece(DISKS, "mounts", look.mounts, 1.0),
        Piece(DISKS, "mdstat", look.reader(proc() + "/mdstat"), 0.5),
        Piece(DISKS, "nvme", ["nvme", "smart-log", "/dev/nvme0"], 1.0),
        Piece(
            DISKS,
            "inodes",
            ["df", "-Pi", "-l", "-x", "tmpfs", "-x", "overlay", "-x", "devtmpfs", "-x", "squashfs"],
            1.5,
            lines=200,
        ),
        Piece(
            DISKS,
            "space",
            ["df", "-PT", "-x", "tmpfs", "-x", "overlay", "-x", "devtmpfs", "-x", "squashfs"],
            4.0,
            lines=200,
        ),
        Piece(
            SERVICES, "units.failed", ["systemctl", "--failed", "--no-legend", "--plain", "--no-pager"], 2.0, lines=100
        ),
        Piece(
            SERVICES,
            "units",
            ["systemctl", "show", "--no-pager", "-p", "Id,LoadState,ActiveState,SubState,NRestarts", *UNITS],
            2.0,
        ),
        Piece(
            SERVICES,
            "journal.errors",
            ["journalctl", "-p", "err", "-b", "-n", "50", "-o", "short-iso", *PLAIN],
            2.5,
            tail=True,
        ),
        Piece(NETWORK, "nics", look.nics, 0.5),
        Piece(NETWORK, "infiniband", look.infiniband, 1.0),
        Piece(NETWORK, "links", ["ip", "-br", "link"], 1.0, lines=200),
        Piece(NETWORK, "link.counters", ["ip", "-s", "link"], 1.0, lines=400),
        Piece(NETWORK, "sockets", ["ss", "-s"], 1.0),
        Piece(NETWORK, "clock", ["chronyc", "-n", "tracking"], 1.0),
        Piece(CHANGES, "boot", changes.boot, 0.5),
        Piece(CHANGES, "package.log", changes.package_log, 1.0, tail=True),
        Piece(CHANGES, "package.history", changes.apt_history, 0.5, tail=True),
        Piece(CHANGES, "changed.files", changes.changed_files, 1.5),
        Piece(CHANGES, "versions", changes.versions, 2.0),
        Piece(CHANGES, "rpm.last", ["rpm", "-qa", "--last"], 2.0, lines=100),
        Piece(
            CHANGES,
            "sudo",
            ["journalctl", "_COMM=sudo", "--since", "-24h", "-n", "100", "-o", "short-iso", *PLAIN],
            2.0,
            tail=True,
        ),
    ]


def main(arguments):
    begin = time.time()
    try:
        chosen = [each for each in pieces() if not arguments["sections"] or each.name in arguments["sections"]]
        scale = float(arguments["scale"])
        seconds = {step: SECONDS[step] * scale for step in {each.step for each in chosen}}
        for each in chosen:
            each.seconds *= scale
        sections = gather(chosen, seconds, FRAGILE)
    except OSError as error:
        write(MAGIC + encode({"ok": False, "kind": "failed", "text": str(error)}) + b"\n")
        sys.exit(1)
    for each in sections:
        if each["name"] == "gpu.fields":
            each["text"] = ""  # a list of names, 30 kB
    answer = {"ok": True, "begin": begin, "end": time.time(), "root": os.geteuid() == 0, "sections": sections}
    write(MAGIC + encode(answer) + b"\n")


def write(data):
    while data:
        data = data[os.write(1, data) :]


if __name__ == "__main__":
    main(ARGUMENTS)  # noqa: F821 (set by the bundle)
