"""Reads NVIDIA GPUs through NVML with NVIDIA's own binding, pynvml, whose source comes along.

Fast values are asked every interval, slow ones every ten seconds; what a GPU or the driver does not offer is asked
again only once a minute. Python 3.6, standard library only.
"""

import sys
import time
from types import ModuleType

from backends.hostkit.programs import gpu_fields as fields

SHIPPED = None  # pynvml's source, put here by the loader; None: import the installed one
RETRY_SECONDS = 60.0
SHORTEST_SECONDS = 0.1
NOT_SUPPORTED, NO_PERMISSION, LOST = "not supported", "no permission", "GPU is lost"
REASONS = {
    1: "driver not initialised",
    3: NOT_SUPPORTED,
    4: NO_PERMISSION,
    8: "external power is not attached",
    9: "driver not loaded",
    10: "timeout",
    11: "interrupt problem",
    12: "NVML library not found",
    13: "not in this driver version",
    14: "InfoROM is corrupt",
    15: LOST,
    16: "GPU needs a reset",
    18: "driver/library version mismatch",
    19: "in use",
    999: "unknown driver error",
}
BROKEN = (1, 9, 12, 18)  # the library as a whole has to be opened again
MEM_TEMP, PCIE_TX, PCIE_RX = 82, 197, 198


class GpuLost(Exception):
    """The driver says that this GPU is gone."""


def load():
    """The pynvml module; executed from the shipped source when there is one."""
    global SHIPPED
    if SHIPPED is not None:
        module = ModuleType("pynvml")
        sys.modules["pynvml"] = module  # before exec: its error classes look themselves up there
        source, SHIPPED = SHIPPED, None
        exec(compile(source, "pynvml.py", "exec", 0, True, 2), module.__dict__)
        trim()
    import pynvml

    return pynvml


def trim():
    """Give back what compiling pynvml took: 9 of 27 MiB that would otherwise stay with this program for good."""
    import ctypes

    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError):
        pass  # not the GNU C library


def explain(error):
    """A short reason from an NVMLError."""
    return REASONS.get(getattr(error, "value", None)) or str(error)[:120]


def open_reader(beat):
    """(reader, None), or (None, why NVML cannot be used). `beat` tells the parent that we are alive."""
    try:
        nvml = load()
    except ImportError as error:
        return None, "no NVML: %s" % error
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        return None, explain(error)
    try:
        return NvmlReader(nvml, beat), None
    except nvml.NVMLError as error:
        _shutdown(nvml)
        return None, explain(error)


def _shutdown(nvml):
    try:
        nvml.nvmlShutdown()
    except nvml.NVMLError:
        pass  # it is being closed because it is broken


def _text(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


class Device(object):
    """One GPU: asks, remembers what is not offered, and turns counters into rates."""

    def __init__(self, nvml, index):
        self.nvml = nvml
        self.index = index
        self.known = {"index": index, "vendor": "nvidia", "uuid": "", "name": "", "bus_id": ""}
        self.missing = {}
        self.retry = {}
        self.now = 0.0
        self.lost = False
        self.code = 0
        self.handle = None
        self.slowdown = None
        self.counters = {}
        self.rates = {}
        self.event_reasons = nvml.nvmlDeviceGetCurrentClocksEventReasons
        self.connect()

    def connect(self):
        try:
            self.handle = self.nvml.nvmlDeviceGetHandleByIndex(self.index)
        except self.nvml.NVMLError as error:
            self.code = error.value
            self.lost = error.value in (15, 999)
            self.missing = dict.fromkeys(fields.FAST, explain(error))

    def ask(self, field, call, *arguments):
        """The call's value, or None with the reason noted under `field`."""
        if field in self.retry and self.now < self.retry[field]:
            return None
        try:
            value = call(self.handle, *arguments)
        except self.nvml.NVMLError as error:
            self.code = error.value
            if error.value == 15:
                raise GpuLost()
            self.missing[field] = explain(error)
            if error.value in (3, 4, 13):
                self.retry[field] = self.now + RETRY_SECONDS
            return None
        if field in self.missing:
            del self.missing[field]
            self.retry.pop(field, None)
        return value

    def static(self):
        """A row of STATIC. What was once known of a GPU is still true of it when it is lost."""
        nvml, value = self.nvml, self.known
        if self.handle is None:
            return [value[name] for name in fields.STATIC]
        try:
            value["name"] = _text(self.ask("name", nvml.nvmlDeviceGetName)) or value["name"]
            value["uuid"] = _text(self.ask("uuid", nvml.nvmlDeviceGetUUID)) or value["uuid"]
            pci = self.ask("bus_id", nvml.nvmlDeviceGetPciInfo)
            value["bus_id"] = _text(pci.busId).lower() if pci is not None else value["bus_id"]
        except GpuLost:
            self.lost = True
        return [value[name] for name in fields.STATIC]

    def fast(self, now, rotate):
        """A row of FAST; raises GpuLost."""
        nvml, ask, self.now, self.code = self.nvml, self.ask, now, 0
        use = ask("utilisation_percent", nvml.nvmlDeviceGetUtilizationRates)
        self.share("memory_utilisation_percent", use, "utilisation_percent")
        memory = self.memory()
        celsius = ask("temperature_celsius", nvml.nvmlDeviceGetTemperature, 0)
        milliwatts = ask("power_watts", nvml.nvmlDeviceGetPowerUsage)
        memory_celsius, rx, tx = self.counted(rotate)
        return [
            None if use is None else use.gpu,
            None if use is None else use.memory,
            None if memory is None else memory.used,
            celsius,
            self.margin(celsius),
            memory_celsius,
            None if milliwatts is None else round(milliwatts / 1000.0, 1),
            ask("sm_clock_mhz", nvml.nvmlDeviceGetClockInfo, 1),
            ask("memory_clock_mhz", nvml.nvmlDeviceGetClockInfo, 2),
            self.throttle(),
            self.p_state(),
            ask("pcie_generation", nvml.nvmlDeviceGetCurrPcieLinkGeneration),
            rx,
            tx,
        ]

    def share(self, field, value, source):
        """`field` comes out of the same call as `source` and so shares its reason."""
        if value is None:
            self.missing[field] = self.missing[source]
        else:
            self.missing.pop(field, None)

    def memory(self):
        value = self.ask("memory_v2", self.nvml.nvmlDeviceGetMemoryInfo, self.nvml.nvmlMemory_v2)
        self.missing.pop("memory_v2", None)
        if value is not None:
            return value  # without the driver's own reserve, as nvidia-smi shows it
        return self.ask("memory_used_bytes", self.nvml.nvmlDeviceGetMemoryInfo)

    def margin(self, celsius):
        value = self.ask("temperature_margin_celsius", self.nvml.nvmlDeviceGetMarginTemperature)
        if value is not None or celsius is None:
            return value
        if self.slowdown is None:
            self.slowdown = self.ask("slowdown", self.nvml.nvmlDeviceGetTemperatureThreshold, 1)
            self.missing.pop("slowdown", None)
        if self.slowdown is None:
            return None
        self.missing.pop("temperature_margin_celsius", None)
        return self.slowdown - celsius

    def throttle(self):
        bits = self.ask("throttle_bits", self.event_reasons)
        if (
            bits is None
            and self.code == 13
            and self.event_reasons is not self.nvml.nvmlDeviceGetCurrentClocksThrottleReasons
        ):
            self.event_reasons = self.nvml.nvmlDeviceGetCurrentClocksThrottleReasons  # the name before driver 535
            self.retry.pop("throttle_bits", None)
            bits = self.ask("throttle_bits", self.event_reasons)
        return bits

    def p_state(self):
        value = self.ask("performance_state", self.nvml.nvmlDeviceGetPerformanceState)
        if value is not None and value > 15:  # NVML_PSTATE_UNKNOWN
            self.missing["performance_state"] = "unknown"
            return None
        return value

    def values(self, name, ids):
        """Field values by id (None where one is not offered), or {} when the call itself is not."""
        found = self.ask(name, self.nvml.nvmlDeviceGetFieldValues, ids)
        self.missing.pop(name, None)
        out = {}
        for item in found or ():
            if item.nvmlReturn == 15:
                raise GpuLost()
            if item.nvmlReturn == 0:
                kind = item.valueType
                value = item.value
                out[item.fieldId] = (
                    value.uiVal
                    if kind == 1
                    else value.dVal
                    if kind == 0
                    else value.sllVal
                    if kind == 4
                    else value.ullVal
                )
            else:
                out[item.fieldId, "why"] = REASONS.get(item.nvmlReturn, "error %d" % item.nvmlReturn)
        return out

    def counted(self, rotate):
        """Memory temperature and PCIe rates: one call for all three where the driver has the counters."""
        got = self.values("fields", [MEM_TEMP, PCIE_TX, PCIE_RX])
        heat = got.get(MEM_TEMP)
        self.note("memory_temperature_celsius", heat, got.get((MEM_TEMP, "why"), NOT_SUPPORTED))
        rates = []
        for field, number, direction in (
            ("pcie_rx_bytes_per_second", PCIE_RX, 1),
            ("pcie_tx_bytes_per_second", PCIE_TX, 0),
        ):
            if number in got:
                self.rates[field] = self.rate(field, got[number])
                self.note(field, self.rates[field], "no rate before the second sample")
            elif rotate:  # the call blocks for 20 ms, so one GPU a sample pays for it
                kib = self.ask(field, self.nvml.nvmlDeviceGetPcieThroughput, direction)
                self.rates[field] = None if kib is None else kib * 1024
            elif field not in self.rates:
                self.missing[field] = "not yet its turn"
            rates.append(self.rates.get(field))
        return heat, rates[0], rates[1]

    def note(self, field, value, reason):
        if value is None:
            self.missing[field] = reason
        else:
            self.missing.pop(field, None)

    def rate(self, field, count):
        """Bytes a second since the last look; None at the first and after the counter went backwards."""
        now, before = time.monotonic(), self.counters.get(field)
        if before is not None and now - before[1] < SHORTEST_SECONDS:
            return self.rates.get(field)  # asked again at once (a poll): too short to divide by
        self.counters[field] = (count, now)
        if before is None or count < before[0]:
            return None
        return int((count - before[0]) / (now - before[1]))

    def slow(self, now):
        """A row of SLOW; raises GpuLost."""
        nvml, ask, self.now = self.nvml, self.ask, now
        memory = ask("memory_total_bytes", nvml.nvmlDeviceGetMemoryInfo)
        limit = ask("power_limit_watts", nvml.nvmlDeviceGetEnforcedPowerLimit)
        persistence = ask("persistence", nvml.nvmlDeviceGetPersistenceMode)
        up, total = self.nvlinks()
        mig = ask("mig_enabled", nvml.nvmlDeviceGetMigMode)
        row = [
            None if memory is None else memory.total,
            None if limit is None else limit / 1000.0,
            ask("sm_clock_max_mhz", nvml.nvmlDeviceGetMaxClockInfo, 1),
            None if persistence is None else persistence == 1,
        ]
        row += self.ecc()
        row += self.remapped()
        row += [
            ask("pcie_generation_max", nvml.nvmlDeviceGetMaxPcieLinkGeneration),
            ask("pcie_width", nvml.nvmlDeviceGetCurrPcieLinkWidth),
            ask("pcie_width_max", nvml.nvmlDeviceGetMaxPcieLinkWidth),
            ask("pcie_replays", nvml.nvmlDeviceGetPcieReplayCounter),
            up,
            total,
            None if mig is None else mig[0] == 1,
            ask("fan_percent", nvml.nvmlDeviceGetFanSpeed),
            self.instances() if mig is not None and mig[0] == 1 else [],
        ]
        return row

    def ecc(self):
        mode = self.ask("ecc_enabled", self.nvml.nvmlDeviceGetEccMode)
        row = [None if mode is None else mode[0] == 1]
        for field, kind, counter in (
            ("ecc_corrected_volatile", 0, 0),
            ("ecc_uncorrected_volatile", 1, 0),
            ("ecc_corrected_aggregate", 0, 1),
            ("ecc_uncorrected_aggregate", 1, 1),
        ):
            row.append(self.ask(field, self.nvml.nvmlDeviceGetTotalEccErrors, kind, counter))
        return row

    def remapped(self):
        rows = self.ask("remap_failed", self.nvml.nvmlDeviceGetRemappedRows)
        for field in ("remapped_rows_corrected", "remapped_rows_uncorrected", "remap_pending"):
            self.share(field, rows, "remap_failed")
        return [None] * 4 if rows is None else [rows[0], rows[1], rows[2] != 0, rows[3] != 0]

    def nvlinks(self):
        """(active, present). A link that the GPU does not have answers "invalid argument" or "not supported"."""
        up = total = 0
        if self.now < self.retry.get("nvlinks_total", 0.0):
            return None, None
        for link in range(getattr(self.nvml, "NVML_NVLINK_MAX_LINKS", 18)):
            try:
                up += self.nvml.nvmlDeviceGetNvLinkState(self.handle, link) == 1
                total += 1
            except self.nvml.NVMLError as error:
                if error.value == 15:
                    raise GpuLost()
                if total == 0:
                    self.missing["nvlinks_up"] = self.missing["nvlinks_total"] = explain(error)
                    self.retry["nvlinks_total"] = self.now + RETRY_SECONDS
                    return None, None
                break
        for field in ("nvlinks_up", "nvlinks_total"):
            self.missing.pop(field, None)
        return up, total

    def instances(self):
        """[uuid, name, used, total] of each MIG device."""
        nvml, out = self.nvml, []
        try:
            for number in range(min(fields.MAX_MIG, nvml.nvmlDeviceGetMaxMigDeviceCount(self.handle))):
                try:
                    handle = nvml.nvmlDeviceGetMigDeviceHandleByIndex(self.handle, number)
                except nvml.NVMLError as error:
                    if error.value in (2, 6):  # that slot is empty
                        continue
                    raise
                memory = nvml.nvmlDeviceGetMemoryInfo(handle)
                names = _text(nvml.nvmlDeviceGetUUID(handle)), _text(nvml.nvmlDeviceGetName(handle))
                out.append([names[0], names[1], memory.used, memory.total])
        except nvml.NVMLError as error:
            self.missing["mig"] = explain(error)
            return None
        self.missing.pop("mig", None)
        return out

    def listing(self, kind):
        """The call that lists processes; drivers before 510 have only its second version."""
        name = "nvmlDeviceGet%sRunningProcesses_v" % ("Compute", "Graphics")[kind]
        newest, older = getattr(self.nvml, name + "3"), getattr(self.nvml, name + "2", None)

        def call(handle):
            try:
                return newest(handle)
            except self.nvml.NVMLError as error:
                if error.value != 13 or older is None:
                    raise
                return older(handle)

        return call

    def processes(self, now):
        """[[pid, bytes, kind], …], or None; raises GpuLost."""
        self.now, found = now, {}
        for kind, name in ((fields.COMPUTE, "processes"), (fields.GRAPHICS, "graphics")):
            for item in self.ask(name, self.listing(kind)) or ():
                found.setdefault(item.pid, [item.pid, item.usedGpuMemory, kind])
        self.missing.pop("graphics", None)
        if "processes" in self.missing:
            return None
        return [found[pid] for pid in sorted(found)][: fields.MAX_PROCESSES]


class NvmlReader(object):
    """All GPUs of this host."""

    paced = False  # the caller waits between frames

    def __init__(self, nvml, beat):
        self.nvml = nvml
        self.beat = beat
        self.broken = None
        self.turn = 0
        self.slow_at = self.processes_at = 0.0
        self.sent = None
        count = min(fields.MAX_GPUS, nvml.nvmlDeviceGetCount())
        self.devices = [Device(nvml, index) for index in range(count)]

    def hello(self):
        nvml = self.nvml
        try:
            driver = _text(nvml.nvmlSystemGetDriverVersion())
        except nvml.NVMLError:
            driver = ""
        try:
            cuda = nvml.nvmlSystemGetCudaDriverVersion()
            cuda = "%d.%d" % (cuda // 1000, cuda % 1000 // 10)
        except nvml.NVMLError:
            cuda = ""
        gpus = [device.static() for device in self.devices]
        return {"way": "nvml", "driver": driver, "cuda": cuda, "reason": None, "gpus": gpus}

    def frame(self, now, control):
        frame = {"f": self.each(lambda device: device.fast(now, device.index == self.turn), len(fields.FAST))}
        self.turn = (self.turn + 1) % max(1, len(self.devices))
        slow = now >= self.slow_at
        if slow:
            self.slow_at = now + fields.SLOW_SECONDS - 0.001
            frame["s"] = self.each(lambda device: device.slow(now), len(fields.SLOW))
        if now >= self.processes_at:
            self.processes_at = now + max(fields.PROCESS_SECONDS, control.interval) - 0.001
            frame["p"] = self.each(lambda device: device.processes(now), 0)
            frame["pids"] = sorted({item[0] for row in frame["p"] for item in row or ()})
        missing = [device.missing for device in self.devices]
        if slow or missing != self.sent:
            frame["m"] = self.sent = [dict(reasons) for reasons in missing]
        lost = [place for place, device in enumerate(self.devices) if device.lost]
        if lost:
            frame["l"] = lost
        if self.devices and all(device.code in BROKEN for device in self.devices):
            self.broken = REASONS[self.devices[0].code]
        return frame

    def each(self, ask, width):
        """One row for each GPU; a lost one gives an empty row and is tried again every time: the call fails fast."""
        rows = []
        for device in self.devices:
            self.beat()  # a slow driver is not a hung one
            row = [None] * width if width else None
            if device.handle is None:
                device.connect()
            if device.handle is not None:
                try:
                    row = ask(device)
                    if width == len(fields.FAST):
                        device.lost = False
                except GpuLost:
                    device.lost = True
                    device.counters.clear()
            rows.append(row)
        return rows

    def close(self):
        _shutdown(self.nvml)
