"""Which devices and filesystems count as real: one rule for the kit on hosts and for the local source."""

import os

NETWORK_KINDS = frozenset(
    "nfs nfs4 lustre gpfs beegfs beegfs_nodev ceph wekafs glusterfs cifs smb3 smbfs 9p virtiofs afs orangefs".split()
    + "fuse.juicefs fuse.glusterfs fuse.ceph fuse.sshfs fuse.mergerfs fuse.gcsfuse fuse.s3fs fuse.lizardfs fuse.moosefs".split()
)
LOCAL_KINDS = frozenset(["zfs", "bcachefs"])
IMAGE_KINDS = frozenset(["squashfs", "iso9660", "udf", "erofs", "cramfs", "romfs", "efivarfs"])
NOT_DISKS = ("loop", "ram", "zram", "dm-", "md", "sr", "fd", "nbd", "drbd")
MAX_ROWS = 64


def _octal(text: str) -> str:
    """Undo the \\040 escapes of /proc/self/mounts."""
    if "\\" not in text:
        return text
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, char)
    return text


def is_real_filesystem(device: str, kind: str, mount: str) -> bool:
    """True for what holds data: block devices, network filesystems, pools; the root whatever it is."""
    if kind in IMAGE_KINDS or kind == "autofs":
        return False
    return mount == "/" or kind in NETWORK_KINDS or kind in LOCAL_KINDS or device.startswith("/dev/")


def real_mounts(text: str) -> list:
    """(device, mount, kind, read_only) of real filesystems in /proc/self/mounts text, each device once."""
    rows = []
    for line in text.splitlines():
        fields = line.split(" ")
        if len(fields) < 4:
            continue
        device, mount, kind = _octal(fields[0]), _octal(fields[1]), fields[2]
        if is_real_filesystem(device, kind, mount):
            rows.append((device, mount, kind, "ro" in fields[3].split(",")))
    return unique_mounts(rows)


def unique_mounts(rows: list) -> list:
    """Each device at its shortest mount point: bind mounts and subvolumes would count the same space again."""
    best = {}
    for row in rows:
        key = row[0] if row[0].startswith("/") or ":" in row[0] else row[0] + " " + row[1]
        if key not in best or len(row[1]) < len(best[key][1]):
            best[key] = row
    return sorted(best.values(), key=lambda row: row[1])[:MAX_ROWS]


def real_disks(names: list, sys: str) -> list:
    """Whole physical disks among block device names: members instead of md and dm, so that sums count once."""
    found = [name for name in names if os.path.exists(sys + "/block/" + name.replace("/", "!") + "/device")]
    found = [name for name in found if not name.startswith(NOT_DISKS)]
    if not found:  # a container or an odd virtual machine
        found = [name for name in names if not name.startswith(NOT_DISKS)]
    return found[:MAX_ROWS]


def real_nics(names: list, sys: str) -> list:
    """Physical interfaces (members instead of bonds); in a container, where none is, everything but lo."""
    found = [name for name in names if os.path.exists(sys + "/class/net/" + name + "/device")]
    return (found or [name for name in names if name != "lo"])[:MAX_ROWS]
