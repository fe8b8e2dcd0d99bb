"""Reads AMD GPUs from sysfs: plain files, no library, no privilege.

`pcie_bw` is left alone on purpose: reading it sleeps for a second in the driver. SYSROOT may name another root of
the tree, for tests. Python 3.6, standard library only.
"""

import os
import re

from backends.hostkit.programs import gpu_fields as fields

AMD = "0x1002"
NOT_OFFERED = "not offered by this GPU"
GENERATIONS = ((2.5, 1), (5.0, 2), (8.0, 3), (16.0, 4), (32.0, 5), (64.0, 6))
ERRORS = {
    1: "no permission",
    13: "no permission",
    2: NOT_OFFERED,
    19: "GPU is lost",
    5: "input/output error",
    16: "busy",
}


def root():
    return os.environ.get("SYSROOT", "").rstrip("/")


def read(path):
    """(text, None) or (None, reason)."""
    try:
        with open(path, "rb") as file:
            return file.read(8192).decode("utf-8", "replace").strip(), None
    except OSError as error:
        return None, ERRORS.get(error.errno, error.strerror or str(error))


def listed(path):
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def open_reader(beat):
    """(reader, None) or (None, why not)."""
    base = root() + "/sys/class/drm"
    cards = []
    for name in listed(base):
        if re.match(r"card[0-9]+$", name) and read(base + "/" + name + "/device/vendor")[0] == AMD:
            cards.append((int(name[4:]), base + "/" + name + "/device"))
    cards.sort()
    if not cards:
        return None, "no AMD GPU in " + base
    return AmdReader([Card(number, path) for number, (_, path) in enumerate(cards[: fields.MAX_GPUS])]), None


def generation(text):
    """PCIe generation from "16.0 GT/s PCIe"."""
    speed = float(text.split()[0])
    return [number for limit, number in GENERATIONS if speed >= limit][-1]


def current_mhz(text):
    """The level marked with a star in pp_dpm_*: "1: 1700Mhz *"."""
    return float(re.search(r"([0-9]+)\s*[Mm][Hh]z\s*\*", text).group(1))


def highest_mhz(text):
    return max(float(found) for found in re.findall(r"([0-9]+)\s*[Mm][Hh]z", text))


class Card(object):
    """One GPU."""

    def __init__(self, index, path):
        self.index = index
        self.path = path
        self.missing = {}
        self.lost = False
        self.hwmon = next(
            (path + "/hwmon/" + name for name in listed(path + "/hwmon") if name.startswith("hwmon")), None
        )
        self.sensors = self.labelled()
        self.bus_id = os.path.basename(os.path.realpath(path))

    def labelled(self):
        """{label: number} of the temperatures: edge, junction, mem."""
        found = {}
        for name in listed(self.hwmon) if self.hwmon else ():
            match = re.match(r"temp([0-9]+)_input$", name)
            if match:
                label = read(self.hwmon + "/temp%s_label" % match.group(1))[0] or "edge"
                found[label] = match.group(1)
        return found

    def take(self, field, path, convert):
        """The file's value; None with the reason noted under `field`."""
        text, reason = (None, NOT_OFFERED) if path is None else read(path)
        if text is not None:
            try:
                value = convert(text)
                self.missing.pop(field, None)
                return value
            except (ValueError, IndexError, AttributeError, OverflowError):
                reason = "not understood: " + text[:40]
        self.missing[field] = reason
        return None

    def file(self, name):
        return self.path + "/" + name

    def sensor(self, name):
        return None if self.hwmon is None else self.hwmon + "/" + name

    def temperature(self, labels, suffix):
        for label in labels:
            if label in self.sensors:
                return self.sensor("temp%s_%s" % (self.sensors[label], suffix))
        return None

    def power(self):
        for name in ("power1_average", "power1_input"):
            if self.hwmon is not None and os.path.exists(self.hwmon + "/" + name):
                return self.sensor(name)
        return self.sensor("power1_average")

    def static(self):
        name = read(self.file("product_name"))[0] or "AMD " + (read(self.file("device"))[0] or "GPU")
        return [self.index, "amd", read(self.file("unique_id"))[0] or "", name, self.bus_id]

    def fast(self):
        self.lost = not os.path.exists(self.file("vendor"))
        hot = ("junction", "edge")
        celsius = self.take("temperature_celsius", self.temperature(hot, "input"), milli)
        limit = self.take("temperature_margin_celsius", self.temperature(hot, "crit"), milli)
        if celsius is None:
            self.missing["temperature_margin_celsius"] = self.missing["temperature_celsius"]
        for field in ("throttle_bits", "performance_state", "pcie_rx_bytes_per_second", "pcie_tx_bytes_per_second"):
            self.missing[field] = "not offered by the amdgpu driver"
        return [
            self.take("utilisation_percent", self.file("gpu_busy_percent"), int),
            self.take("memory_utilisation_percent", self.file("mem_busy_percent"), int),
            self.take("memory_used_bytes", self.file("mem_info_vram_used"), int),
            celsius,
            None if celsius is None or limit is None else limit - celsius,
            self.take("memory_temperature_celsius", self.temperature(("mem",), "input"), milli),
            self.take("power_watts", self.power(), micro),
            self.take("sm_clock_mhz", self.file("pp_dpm_sclk"), current_mhz),
            self.take("memory_clock_mhz", self.file("pp_dpm_mclk"), current_mhz),
            None,
            None,
            self.take("pcie_generation", self.file("current_link_speed"), generation),
            None,
            None,
        ]

    def slow(self):
        corrected, uncorrected = self.ecc()
        values = {
            "memory_total_bytes": self.take("memory_total_bytes", self.file("mem_info_vram_total"), int),
            "power_limit_watts": self.take("power_limit_watts", self.sensor("power1_cap"), micro),
            "sm_clock_max_mhz": self.take("sm_clock_max_mhz", self.file("pp_dpm_sclk"), highest_mhz),
            "ecc_corrected_volatile": corrected,
            "ecc_uncorrected_volatile": uncorrected,
            "pcie_generation_max": self.take("pcie_generation_max", self.file("max_link_speed"), generation),
            "pcie_width": self.take("pcie_width", self.file("current_link_width"), int),
            "pcie_width_max": self.take("pcie_width_max", self.file("max_link_width"), int),
            "pcie_replays": self.take("pcie_replays", self.file("pcie_replay_count"), int),
            "fan_percent": self.take("fan_percent", self.sensor("pwm1"), lambda text: int(text) * 100.0 / 255.0),
            "mig": [],
        }
        for field in fields.SLOW:
            if field not in values:
                self.missing[field] = "not offered by the amdgpu driver"
        return [values.get(field) for field in fields.SLOW]

    def ecc(self):
        """(corrected, uncorrected) since the driver was loaded, over all blocks; None when no block counts."""
        sums, seen = {"ce": 0, "ue": 0}, False
        for name in listed(self.file("ras")):
            if name.endswith("_err_count"):
                for key, count in re.findall(r"\b(ue|ce):\s*([0-9]+)", read(self.file("ras/" + name))[0] or ""):
                    sums[key] += int(count)
                    seen = True
        for field in ("ecc_corrected_volatile", "ecc_uncorrected_volatile"):
            if seen:
                self.missing.pop(field, None)
            else:
                self.missing[field] = "no RAS counters"
        return (sums["ce"], sums["ue"]) if seen else (None, None)


def milli(text):
    return int(text) / 1000.0


def micro(text):
    return int(text) / 1000000.0


def compute_ids():
    """{bus id without function: compute driver's id of the GPU}."""
    found, base = {}, root() + "/sys/class/kfd/kfd/topology/nodes"
    for node in listed(base):
        text = read(base + "/" + node + "/properties")[0] or ""
        numbers = dict(re.findall(r"^(domain|location_id) ([0-9]+)$", text, re.MULTILINE))
        identity = read(base + "/" + node + "/gpu_id")[0]
        if identity and identity != "0" and "location_id" in numbers:
            place = int(numbers["location_id"])
            bus = "%04x:%02x:%02x" % (int(numbers.get("domain", 0)), place >> 8 & 0xFF, place >> 3 & 0x1F)
            found[bus] = identity
    return found


class AmdReader(object):
    """All AMD GPUs of this host."""

    paced = False
    broken = None

    def __init__(self, cards):
        self.cards = cards
        self.compute = compute_ids()
        self.sent = None
        self.slow_at = self.processes_at = 0.0

    def hello(self):
        driver = read(root() + "/sys/module/amdgpu/version")[0] or "amdgpu " + os.uname().release
        gpus = [card.static() for card in self.cards]
        return {"way": "amd-sysfs", "driver": driver, "cuda": "", "reason": None, "gpus": gpus}

    def frame(self, now, control):
        frame = {"f": [card.fast() for card in self.cards]}
        slow = now >= self.slow_at
        if slow:
            self.slow_at = now + fields.SLOW_SECONDS - 0.001
            frame["s"] = [card.slow() for card in self.cards]
        if now >= self.processes_at:
            self.processes_at = now + max(fields.PROCESS_SECONDS, control.interval) - 0.001
            frame["p"] = self.processes()
            frame["pids"] = sorted({item[0] for row in frame["p"] for item in row or ()})
        missing = [card.missing for card in self.cards]
        if slow or missing != self.sent:
            frame["m"] = self.sent = [dict(reasons) for reasons in missing]
        lost = [place for place, card in enumerate(self.cards) if card.lost]
        if lost:
            frame["l"] = lost
        return frame

    def processes(self):
        """Rows of [pid, bytes, kind], as the compute driver lists them; None where it is not loaded."""
        base, rows = root() + "/sys/class/kfd/kfd/proc", []
        if not os.path.isdir(base):
            for card in self.cards:
                card.missing["processes"] = "no compute driver (kfd)"
            return [None] * len(self.cards)
        pids = [name for name in listed(base) if name.isdigit()]
        self.compute = self.compute or compute_ids()
        for card in self.cards:
            card.missing.pop("processes", None)
            identity, row = self.compute.get(card.bus_id.rsplit(".", 1)[0]), []
            for pid in pids if identity else ():
                text = read("%s/%s/vram_%s" % (base, pid, identity))[0]
                if text and text.isdigit() and int(text):
                    row.append([int(pid), int(text), fields.COMPUTE])
            rows.append(row[: fields.MAX_PROCESSES])
        return rows

    def close(self):
        pass
