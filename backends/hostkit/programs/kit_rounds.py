"""What the worker reads in its rounds. Each risky step is announced first, so that the parent knows what hung."""

import os
import time

from kit_devices import real_mounts, real_nics
from kit_text import encode, line_text, name_text

NO_ANSWER = "no answer within 2 s"
FREQUENCY_CORES = 8  # reading one may wait 10 ms for a fresh value, so a spread of them stands for all
IB_COUNTERS = (
    "port_rcv_data",
    "port_xmit_data",
    "link_downed",
    "link_error_recovery",
    "symbol_error",
    "port_rcv_errors",
)


def content(path, size=4096):
    """The stripped text of a small file. Raises OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        return line_text(os.read(handle, size), size).strip()
    finally:
        os.close(handle)


def listing(path):
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


class Rounds(object):
    def __init__(self, answers, proc, sys, skip):
        self.out = answers
        self.proc = proc
        self.sys = sys
        self.skip = skip
        self.refused = set()  # files that answered EINVAL: reading them again floods dmesg on some HCAs
        self.speeds = {}
        self.sensors = None
        self.frequency = None
        self.count = 0

    def write(self, data):
        data += b"\n"
        while data:
            data = data[os.write(self.out, data) :]

    def begin(self, item):
        """Announce a risky step; False when it hung before and is not yet to be tried again."""
        known = self.skip.get(item)
        if known and time.monotonic() < known[0]:
            return False
        self.write(b">" + item.encode("utf-8", "replace").replace(b"\n", b"?"))
        return True

    def answer(self, request):
        if request == b"f":
            self.filesystems()
        elif request == b"s":
            self.links()
            self.infiniband()
            self.temperatures()
            self.cpu_frequency()
            self.count += 1
        elif request[:1] == b"u":
            self.user(int(request[1:]))
        self.write(b"<%d" % int(time.process_time() * 1e9))

    # filesystems

    def filesystems(self):
        try:
            with open(self.proc + "/self/mounts", "rb") as file:
                mounts = real_mounts(file.read(1 << 20).decode("utf-8", "replace"))
        except OSError as error:
            self.write(encode(["f", None, error.strerror]))
            return
        rows = []
        for device, mount, kind, read_only in mounts:
            row = [mount, device, kind, read_only]
            if not self.begin("fs " + mount):
                rows.append(row + [None] * 5 + [NO_ANSWER])
                continue
            try:
                v = statvfs(mount)
                unit = v.f_frsize or v.f_bsize
                row += [v.f_blocks * unit, v.f_bfree * unit, v.f_bavail * unit, v.f_files, v.f_ffree, None]
            except (OSError, ValueError) as error:
                row += [None] * 5 + [getattr(error, "strerror", None) or "not readable"]
            rows.append(row)
        self.write(encode(["f", rows, None]))

    # network

    def links(self):
        root = self.sys + "/class/net/"
        rows = []
        for name in real_nics(listing(root), self.sys):
            if not self.begin("nic " + name):
                rows.append([name_text(name), None, None])
                continue
            up = self.is_up(root + name)
            if up and (name not in self.speeds or self.count % 12 == 0):  # asking for the speed asks the driver
                self.speeds[name] = self.number(root + name + "/speed")
            speed = self.speeds.get(name)
            rows.append([name_text(name), up, speed if up and speed and speed > 0 else None])
        self.write(encode(["l", rows]))

    def is_up(self, folder):
        try:
            state = content(folder + "/operstate", 32)
        except OSError:
            return None
        if state in ("up", "down", "lowerlayerdown", "notpresent", "dormant"):
            return state == "up"
        carrier = self.number(folder + "/carrier")  # "unknown": loopback-like drivers do not keep operstate
        return None if carrier is None else carrier == 1

    def number(self, path):
        if path in self.refused:
            return None
        try:
            return int(content(path, 64).split(None, 1)[0])
        except OSError as error:
            if error.errno == 22 and "/infiniband/" in path:
                self.refused.add(path)
            return None
        except (ValueError, IndexError):
            return None

    def infiniband(self):
        root = self.sys + "/class/infiniband"
        rows = []
        for device in listing(root)[:32]:
            for port in listing(root + "/" + device + "/ports")[:8]:
                name = device + "/" + port
                folder = root + "/" + device + "/ports/" + port
                if not self.begin("ib " + name):
                    rows.append([name, NO_ANSWER, "", ""] + [None] * 6)
                    continue
                rows.append([name] + [self.word(folder + "/" + leaf) for leaf in ("state", "phys_state", "rate")])
                rows[-1] += [self.number(folder + "/counters/" + leaf) for leaf in IB_COUNTERS]
        if rows:
            self.write(encode(["i", round(time.monotonic(), 4), rows]))

    def word(self, path):
        try:
            return content(path, 64)
        except OSError:
            return ""

    # temperatures and clocks

    def find_sensors(self):
        """[(name, input, high, critical)] of hwmon; thermal zones only where hwmon has none."""
        found = []
        for chip in listing(self.sys + "/class/hwmon"):
            folder = self.sys + "/class/hwmon/" + chip
            name = self.word(folder + "/name") or chip
            for leaf in listing(folder):
                if leaf.startswith("temp") and leaf.endswith("_input"):
                    stem = folder + "/" + leaf[:-6]
                    label = self.word(stem + "_label") or leaf[:-6]
                    found.append((name + "/" + label, folder + "/" + leaf, stem + "_max", stem + "_crit"))
        if not found:
            for zone in listing(self.sys + "/class/thermal"):
                folder = self.sys + "/class/thermal/" + zone
                if zone.startswith("thermal_zone"):
                    found.append(("thermal/" + (self.word(folder + "/type") or zone), folder + "/temp", "", ""))
        seen = {}
        unique = []
        for name, path, high, critical in found[:128]:
            seen[name] = seen.get(name, 0) + 1
            label = name if seen[name] == 1 else "%s %d" % (name, seen[name])
            unique.append([label, path, self.number(high), self.number(critical)])
        return unique

    def temperatures(self):
        if not self.begin("temperatures"):
            return
        if self.sensors is None or self.count % 60 == 0:
            self.sensors = self.find_sensors()
        rows = []
        for name, path, high, critical in self.sensors:
            if self.begin("sensor " + name):
                rows.append([name, self.number(path), high, critical])
        if rows:
            self.write(encode(["x", rows]))

    def cpu_frequency(self):
        if self.count % 2 or not self.begin("frequency"):
            return
        root = self.sys + "/devices/system/cpu/"
        if self.frequency is None:
            found = [name for name in listing(root) if name[:3] == "cpu" and name[3:].isdigit()]
            found = [root + name + "/cpufreq/scaling_cur_freq" for name in found]
            found = [path for path in found if os.path.exists(path)]
            self.frequency = found[:: max(1, len(found) // FREQUENCY_CORES)][:FREQUENCY_CORES]
        values = [value / 1000.0 for value in map(self.number, self.frequency) if value]
        if not values and self.count % 12 == 0:  # virtual machines: a constant, so seldom
            values = self.model_frequency()
        if values:
            self.write(encode(["q", round(sum(values) / len(values), 1)]))

    def model_frequency(self):
        try:
            with open(self.proc + "/cpuinfo", "rb") as file:
                lines = file.read(65536).splitlines()
            return [float(line.split(b":")[1]) for line in lines if line.startswith(b"cpu MHz")]
        except (OSError, ValueError, IndexError):
            return []

    # users

    def user(self, uid):
        """A look-up may ask LDAP, which may not answer."""
        if not self.begin("user %d" % uid):
            return
        try:
            import pwd

            name = pwd.getpwuid(uid).pw_name
        except (ImportError, KeyError, OSError, OverflowError):
            name = str(uid)
        self.write(encode(["u", uid, name_text(name)]))


def statvfs(mount):
    """os.statvfs; KIT_FAKE_HANG names a mount point that never answers, to show that sampling goes on."""
    if os.environ.get("KIT_FAKE_HANG") == mount:
        time.sleep(3600)
    return os.statvfs(mount)
