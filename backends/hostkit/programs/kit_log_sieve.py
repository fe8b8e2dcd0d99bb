"""Which kernel messages go to the console, and how many of each kind: a flood of one hides no other. Contract: kernel_log.py."""

import re

KINDS = (
    ("xid", rb"NVRM: Xid|fallen off the bus|NVRM: GPU .*lost|RmInitAdapter failed"),
    ("sxid", rb"SXid|NVSwitch fatal|detected NVSwitch"),
    ("oom", rb"Out of memory|oom-kill:|invoked oom-killer|Killed process"),
    ("hung", rb"blocked for more than|soft lockup|hard LOCKUP|rcu.*stall|NMI watchdog: BUG"),
    ("panic", rb"Kernel panic|BUG: unable to handle|Oops: |general protection fault|kernel BUG at"),
    ("machine-check", rb"\[Hardware Error\]|mce: |Machine check|EDAC "),
    ("pcie", rb"AER: |PCIe Bus Error|pcieport.*[Ee]rror|Surprise Down|Link Down"),
    (
        "filesystem",
        rb"Remounting filesystem read-only|EXT4-fs error|XFS .*([Ss]hutting|corruption|metadata I/O)|BTRFS.*(error|critical|forced readonly)|Aborting journal|I/O error while writing superblock",
    ),
    (
        "disk",
        rb"I/O error|blk_update_request|Buffer I/O|beyond end of device|no available path|Medium Error|critical (medium|target)|Disk failure|Operation continuing on|device offlined",
    ),
    (
        "nvme",
        rb"nvme.*(timeout|reset controller|Disabling device|removing after probe failure|controller is down|Device not ready|globally unique)",
    ),
    (
        "link",
        rb"[Ll]ink (is )?([Dd]own|[Uu]p|not ready)|link status definitely|lost carrier|NIC Link is|link becomes ready|Port: \d+ Link",
    ),
    ("nfs", rb"not responding|server .* OK|nfs: server|lustre.*(evicted|timed out)"),
    (
        "mlx5",
        rb"insufficient power on the PCIe slot|High Temperature|ACCESS_REG.*failed|Port module event|health compromised|mlx5_core.*(fatal|error|assert)",
    ),
    ("peermem", rb"ERROR detected invalid context"),
)
PATTERNS = tuple((name, re.compile(pattern)) for name, pattern in KINDS)
ANY = re.compile(b"|".join(b"(?:" + pattern + b")" for _, pattern in KINDS))
BURST = 100.0
PER_SECOND = 0.2


def kind_of(line):
    """The kind of a message (or of the JSON that holds one), "" when nobody needs it."""
    if not ANY.search(line):
        return ""
    return next((name for name, pattern in PATTERNS if pattern.search(line)), "")


class Sieve(object):
    """A bucket a kind, and the number of what did not fit. It fills with the messages' own time: a backlog is no flood."""

    def __init__(self):
        self.left = {}
        self.dropped = {}

    def passes(self, kind, now):
        """Whether a message of that kind, said at `now` (seconds of any one clock), goes on."""
        level, before = self.left.get(kind, (BURST, now))
        level = min(BURST, level + max(0.0, now - before) * PER_SECOND)
        fits = level >= 1.0
        self.left[kind] = (level - 1.0 if fits else level, now)
        if not fits:
            self.dropped[kind] = self.dropped.get(kind, 0) + 1
        return fits

    def losses(self):
        """{kind: number} of what was thrown away since the last call."""
        dropped, self.dropped = self.dropped, {}
        return dropped
