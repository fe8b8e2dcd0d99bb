"""Health facts of devices: PCI links, disks, network interfaces, InfiniBand, sockets, processes. Contract: health.py."""

import os
import re
import time

from kit_ask import answer_of, content, find, lines, run
from kit_devices import real_disks, real_nics
from kit_health_host import MOST, ROOT, listing, number, word

PCI = "/sys/bus/pci/devices"
KINDS = (("0x03", "display"), ("0x12", "accelerator"), ("0x0680", "bridge"), ("0x02", "network"), ("0x0108", "nvme"))
MAKERS = {"0x10de": "nvidia", "0x1002": "amd", "0x15b3": "mellanox"}
ADDRESS = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f]$")
MOST_DISKS = 32
MOST_PROCESSES = 64
TICKS = os.sysconf("SC_CLK_TCK")
ANSWERING = 2.0


def pci_kind(place):
    code = word(place + "/class", 16) or ""
    return next((kind for start, kind in KINDS if code.startswith(start)), "")


def pci():
    """GPUs, NVSwitches, network and NVMe devices with their PCIe link and the narrowest link above them."""
    rows = []
    for name in listing(PCI):
        place = PCI + "/" + name
        kind, maker = pci_kind(place), MAKERS.get(word(place + "/vendor", 16), "")
        if kind in ("network", "nvme") or (maker and kind):
            row = {"address": name, "kind": kind, "maker": maker, "device": word(place + "/device", 16) or ""}
            row.update(link(place), above=above(place), errors=aer(place), read_request=read_request(place))
            rows.append(row)
    return rows[:MOST]


def link(place):
    """Speed in GT/s and lanes, now and at most; None where the device does not tell."""
    values = {}
    for name, leaf in (("speed", "current_link_speed"), ("speed_max", "max_link_speed")):
        text = (word(place + "/" + leaf) or "").split(" ")[0]
        values[name] = float(text) if text.replace(".", "", 1).isdigit() else None
    values["width"], values["width_max"] = number(place + "/current_link_width"), number(place + "/max_link_width")
    return values


def above(place):
    """The lowest maximum of the ports between the device and the root: {"speed_max", "width_max"}."""
    path = os.path.realpath(ROOT + place)
    best = {"speed_max": None, "width_max": None}
    while True:
        path = os.path.dirname(path)
        if not ADDRESS.search(os.path.basename(path)):
            return best
        found = link(path[len(ROOT) :])
        for name in best:
            if found[name] and (best[name] is None or found[name] < best[name]):
                best[name] = found[name]


def aer(place):
    """{"correctable", "nonfatal", "fatal"}: totals since boot, or None without AER."""
    found = {}
    for kind in ("correctable", "nonfatal", "fatal"):
        text = word("%s/aer_dev_%s" % (place, kind), 4096)
        total = re.search(r"TOTAL_ERR_\w+ (\d+)", text or "")
        if total:
            found[kind] = int(total.group(1))
    return found or None


def capability(data, wanted):
    """Offset of a capability in configuration space, 0 when it is not there (or not readable without root)."""
    place, seen = (data[0x34] if len(data) > 0x40 else 0), 0
    while 0x40 <= place < len(data) - 16 and seen < 48:
        if data[place] == wanted:
            return place
        place, seen = data[place + 1], seen + 1
    return 0


def read_request(place):
    """Most bytes in one read request of a PCIe device; None when that cannot be read (root only)."""
    try:
        with open(ROOT + place + "/config", "rb") as file:
            data = bytearray(file.read(256))
    except (IOError, OSError):
        return None
    at = capability(data, 0x10)
    return 128 << ((data[at + 9] >> 4) & 7) if at else None


def access_control():
    """Bridges that redirect traffic between devices (ACS), and whether an IOMMU translates; needs root."""
    redirecting, unread = [], 0
    for name in listing(PCI):
        if not (word("%s/%s/class" % (PCI, name), 16) or "").startswith("0x0604"):
            continue
        try:
            with open("%s%s/%s/config" % (ROOT, PCI, name), "rb") as file:
                data = bytearray(file.read(4096))
        except (IOError, OSError):
            data = bytearray()
        if len(data) < 257:
            unread += 1
        elif acs_bits(data) & 0x1C:  # request, completion and upstream redirect
            redirecting.append(name)
    kinds = {
        word("/sys/kernel/iommu_groups/%s/type" % group) or "" for group in listing("/sys/kernel/iommu_groups")[:512]
    }
    return {"redirecting": redirecting[:MOST], "unread": unread, "translation": sorted(kinds)}


def acs_bits(data):
    """The control register of the ACS capability, 0 without one."""
    place, seen = 0x100, 0
    while 0x100 <= place < len(data) - 8 and seen < 48:
        kind = data[place] | data[place + 1] << 8
        if kind == 0x0D:
            return data[place + 6] | data[place + 7] << 8
        place, seen = (data[place + 3] << 4 | data[place + 2] >> 4), seen + 1
    return 0


def disks():
    """Names of whole disks. In a function of its own, since what is done with each has its own deadline."""
    try:
        return real_disks(listing("/sys/block"), ROOT + "/sys")[:MOST_DISKS]
    except OSError:
        return []


def smart(name):
    """What a disk says of itself, as smartctl's or nvme's JSON; asking does not wake it."""
    if name.startswith(("vd", "xvd")):
        return None  # a virtual disk has nothing to tell
    device = "/dev/" + name.replace("!", "/")
    for argv in (
        ["smartctl", "-j", "-n", "standby", "-H", "-A", "-i", device],
        ["nvme", "smart-log", "-o", "json", device],
    ):
        if find(argv[0]) is None or (argv[0] == "nvme" and not name.startswith("nvme")):
            continue
        status, out, err = run(argv)
        if "ermission denied" in out + err or "Operation not permitted" in out + err:
            raise RuntimeError("no permission: " + device)
        return {"tool": argv[0], "status": status, "text": out[:65536], "error": " ".join(err.split())[:300]}
    raise RuntimeError("neither smartctl nor nvme is installed")


def nics():
    """Physical interfaces: state, speed, carrier changes, errors and drops since boot."""
    rows = []
    for name in real_nics(listing("/sys/class/net"), ROOT + "/sys"):
        place = "/sys/class/net/" + name
        row = {"name": name, "state": word(place + "/operstate") or "", "speed": number(place + "/speed")}
        row["driver"] = os.path.basename(os.path.realpath(ROOT + place + "/device/driver"))
        row["mtu"] = number(place + "/mtu")
        row["down_count"] = number(place + "/carrier_down_count")
        for (
            leaf
        ) in "rx_packets tx_packets rx_errors tx_errors rx_dropped tx_dropped rx_fifo_errors tx_fifo_errors".split():
            row[leaf] = number(place + "/statistics/" + leaf)
        rows.append(row)
    return rows


def bonds():
    """{bond: lines of its state}; None without bonding."""
    names = listing("/proc/net/bonding")
    return {name: lines(content(ROOT + "/proc/net/bonding/" + name) or "") for name in names[:16]} or None


def optics(name):
    """`ethtool -m`: temperature and light of a pluggable module; None where there is none."""
    done = answer_of(["ethtool", "-m", name])
    if done is None or (done["status"] != 0 and "not supported" in done["error"].lower()):
        return None
    if done["status"] != 0:
        denied = "not permitted" in done["error"]
        raise RuntimeError("no permission: ethtool -m" if denied else done["error"])
    return done


def infiniband():
    """Adapters and their ports, without the counters: reading those floods the log of some, so the probe does it once."""
    rows = []
    for device in listing("/sys/class/infiniband")[:32]:
        place = "/sys/class/infiniband/" + device
        row = {"device": device, "firmware": word(place + "/fw_ver") or "", "board": word(place + "/board_id") or ""}
        row["address"] = os.path.basename(os.path.realpath(ROOT + place + "/device"))
        row["ports"] = [port(place + "/ports/" + name, name) for name in listing(place + "/ports")[:8]]
        rows.append(row)
    return rows or None


def port(place, name):
    row = {"port": name}
    for leaf in ("state", "phys_state", "rate", "link_layer"):
        row[leaf] = word(place + "/" + leaf) or ""
    keys = [word(place + "/pkeys/" + key) for key in listing(place + "/pkeys")[:128]]
    row["keys"] = sorted({key for key in keys if key and key != "0x0000"})
    return row


def sockets():
    """Listen queues, the network backlog and connection tracking: counters since boot."""
    texts = lines(content(ROOT + "/proc/net/netstat") or "", 16384)
    values = {}
    for names, row in zip(texts[::2], texts[1::2]):
        values.update(zip(names.split()[1:], row.split()[1:]))
    found = {name: int(values[key]) for name, key in NETSTAT if values.get(key, "").isdigit()}
    rows = [line.split() for line in lines(content(ROOT + "/proc/net/softnet_stat", 1 << 18) or "")]
    found["backlog_dropped"] = sum(int(row[1], 16) for row in rows)
    found["squeezed"] = sum(int(row[2], 16) for row in rows)
    found["tracked"] = number("/proc/sys/net/netfilter/nf_conntrack_count")
    found["tracked_max"] = number("/proc/sys/net/netfilter/nf_conntrack_max")
    return found


NETSTAT = (
    ("listen_overflows", "ListenOverflows"),
    ("listen_drops", "ListenDrops"),
    ("retransmitted", "TCPRetransFail"),
)


def gateway():
    """The default gateway and whether it answers one ping; None without a default route."""
    for line in lines(content(ROOT + "/proc/net/route") or "")[1:]:
        fields = line.split()
        if len(fields) > 3 and fields[1] == "00000000" and int(fields[3], 16) & 2:
            address = ".".join(str(int(fields[2][at : at + 2], 16)) for at in (6, 4, 2, 0))
            done = answer_of(["ping", "-n", "-c", "2", "-W", "2", address])
            return {
                "address": address,
                "interface": fields[0],
                "answers": None if done is None else done["status"] == 0,
            }
    return None


def resolve(name):
    """Seconds that looking a name up took."""
    start = time.monotonic()
    done = answer_of(["getent", "hosts", name])
    if done is None:
        return None
    return {"found": done["status"] == 0, "seconds": round(time.monotonic() - start, 3)}


def processes():
    """Processes that wait in the kernel (D) or are dead and not collected (Z), with age; the counts of all."""
    if os.geteuid() and re.search(
        r"^proc /proc .*hidepid=(?!0)", content(ROOT + "/proc/self/mounts", 1 << 20) or "", re.M
    ):
        raise RuntimeError("no permission: /proc hides the processes of others (hidepid)")
    up = float((word("/proc/uptime") or "").split()[0])
    ours = os.getppid()  # collects its workers a moment after they ended
    waiting, dead, parents = [], 0, {}
    for name in listing("/proc"):
        row = process(name, up) if name.isdigit() else None
        if row is None:
            continue
        if row["state"] == "D":
            waiting.append(row)
        elif row["state"] == "Z" and row["parent"] != ours:
            dead += 1
            entry = parents.setdefault(row["parent"], {"pid": row["parent"], "count": 0, "oldest": 0.0, "name": ""})
            entry["count"] += 1
            entry["oldest"] = max(entry["oldest"], row["age"])
    top = sorted(parents.values(), key=lambda entry: -entry["count"])[:8]
    for entry in top:
        entry["name"] = word("/proc/%d/comm" % entry["pid"], 64) or ""
    oldest = sorted(waiting, key=lambda row: -row["age"])
    return {"waiting": oldest[:MOST_PROCESSES], "waiting_total": len(waiting), "dead": dead, "parents": top}


def process(pid, up):
    """{"pid", "ticks", "parent", "name", "state", "age", "where"} of a process in D or Z; None of others."""
    try:
        data = content("%s/proc/%s/stat" % (ROOT, pid), 1024) or ""
    except (IOError, OSError):
        return None
    fields = data[data.rfind(")") + 2 :].split()
    if len(fields) < 20 or fields[0] not in "DZ":
        return None
    ticks = int(fields[19])
    row = {"pid": int(pid), "ticks": ticks, "parent": int(fields[1]), "state": fields[0]}
    row["name"] = data[data.find("(") + 1 : data.rfind(")")]
    row["age"] = round(max(0.0, up - ticks / TICKS), 1)
    row["where"] = word("/proc/%s/wchan" % pid, 64) or ""
    return row
