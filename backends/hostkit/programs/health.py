"""What the health checks must know of a host beyond its samples, in one round trip.

ARGUMENTS: {"slow": bool, "names": [name to look up, …]}. Python 3.6, standard library only. Answers after the magic one line
of JSON: {"ok": true, "begin", "end", "root", "facts": {name: {"value", "seconds"} or {"error"}}}. A value of null means that
the host has no such thing; what may not be read is an error that begins with "no permission". Changes nothing; needs no root.
"""

import os

import kit_health_devices as devices
import kit_health_gpu as gpu
import kit_health_host as host
from kit_health_answer import answer

QUICK, USUAL, SLOW = 5.0, 10.0, 20.0


def quick():
    return [
        ("boot", host.boot, QUICK),
        ("mounts", host.mounts, QUICK),
        ("raid", host.raid, QUICK),
        ("edac", host.edac, QUICK),
        ("limits", host.limits, QUICK),
        ("memory", host.memory, QUICK),
        ("modules", host.modules, QUICK),
        ("governors", host.governors, QUICK),
        ("extras", host.extras, QUICK),
        ("fans", host.fans, QUICK),
        ("pci", devices.pci, USUAL),
        ("access_control", devices.access_control, USUAL),
        ("nics", devices.nics, QUICK),
        ("bonds", devices.bonds, QUICK),
        ("infiniband", devices.infiniband, USUAL),
        ("sockets", devices.sockets, QUICK),
        ("processes", devices.processes, USUAL),
        ("driver", gpu.driver, USUAL),
        ("units", host.units, USUAL),
        ("clock", host.clock, USUAL),
        ("gateway", devices.gateway, USUAL),
    ]


def slow():
    facts = [
        ("smi", gpu.query, gpu.SMI_SECONDS + 5),
        ("nvlink", gpu.links, SLOW),
        ("nvlink_errors", gpu.link_errors, SLOW),
        ("holders", gpu.holders, SLOW),
        ("imex", gpu.imex, USUAL),
        ("board", host.board, SLOW),
    ]
    facts += [("smart " + name, lambda name=name: devices.smart(name), USUAL) for name in devices.disks()]
    names = [
        name for name in host.listing("/sys/class/net") if os.path.exists(host.ROOT + "/sys/class/net/%s/device" % name)
    ]
    return facts + [("optics " + name, lambda name=name: devices.optics(name), QUICK) for name in names[:16]]


def tasks(arguments):
    facts = quick() + (slow() if arguments["slow"] else [])
    for path in host.SOCKETS:
        facts.append(("runtime " + path.split("/")[2], lambda path=path: host.runtime(path), USUAL))
    for name in arguments["names"][:8]:
        facts.append(("name " + name, lambda name=name: devices.resolve(name), 2 * devices.ANSWERING))
    return facts


if __name__ == "__main__":
    answer(tasks(ARGUMENTS))  # noqa: F821 (set by the bundle)
