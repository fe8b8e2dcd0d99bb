"""The layout of GPU frames: which value stands where. Both ends import it, so it cannot drift.

A line is one JSON object. The first is a hello (repeated now and then, so that a lost line heals):

    {"hello": 1, "way": "nvml", "driver": "580.95.05", "cuda": "13.0", "reason": null, "gpus": [[STATIC…], …]}

Then one frame an interval; lists run in the order of the hello's GPUs. Only "t" is always there:

    t  monotonic seconds on the host       f  rows of FAST         s  rows of SLOW
    p  rows of [[pid, bytes, kind], …]     pids  all of them, for the probe    m  [{field: reason}] when it changed
    l  positions of lost GPUs              c  CPU seconds that this program used so far
    reason  why there are no rows          hung  1: the driver did not answer

Python 3.6 and nothing but built-ins here: this file travels.
"""

STATIC = ("index", "vendor", "uuid", "name", "bus_id")

FAST = (
    "utilisation_percent",
    "memory_utilisation_percent",
    "memory_used_bytes",
    "temperature_celsius",
    "temperature_margin_celsius",
    "memory_temperature_celsius",
    "power_watts",
    "sm_clock_mhz",
    "memory_clock_mhz",
    "throttle_bits",
    "performance_state",
    "pcie_generation",  # fast, because links shift down at idle: only beside the utilisation of the same moment does it mean anything
    "pcie_rx_bytes_per_second",
    "pcie_tx_bytes_per_second",
)

SLOW = (
    "memory_total_bytes",
    "power_limit_watts",
    "sm_clock_max_mhz",
    "persistence",
    "ecc_enabled",
    "ecc_corrected_volatile",
    "ecc_uncorrected_volatile",
    "ecc_corrected_aggregate",
    "ecc_uncorrected_aggregate",
    "remapped_rows_corrected",
    "remapped_rows_uncorrected",
    "remap_pending",
    "remap_failed",
    "pcie_generation_max",
    "pcie_width",
    "pcie_width_max",
    "pcie_replays",
    "nvlinks_up",
    "nvlinks_total",
    "mig_enabled",
    "fan_percent",
    "mig",
)

COMPUTE, GRAPHICS = 0, 1

NO_ANSWER = "does not answer"  # in a reason: the driver hangs, rather than being absent

MAX_GPUS = 64
MAX_PROCESSES = 256
MAX_MIG = 16

SLOW_SECONDS = 10.0
PROCESS_SECONDS = 2.0
HELLO_SECONDS = 60.0
