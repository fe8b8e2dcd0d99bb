"""What the next boot would find: kernels, initrds, modules, DKMS, room in /boot; and what runs now."""

import os
import re

from kit_ask import answer_of, content, run

ROOT = os.environ.get("BOOTROOT", "")  # a directory in place of /, for tests
MODULES = ("nvidia", "mlx5_core", "zfs")
INITRDS = ("initrd.img-%s", "initramfs-%s.img", "initrd-%s", "initramfs-%s")
KERNELS = re.compile(r"(?:vmlinuz|vmlinux|Image|bzImage)-(.+)")
SPACES = ("/", "/var", "/boot", "/boot/efi", "/efi")


def size(path):
    """Bytes of what a path leads to; None when it leads nowhere."""
    try:
        return os.stat(path).st_size
    except OSError:
        return None


def names(folder):
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        if error.errno in (2, 20):
            return []
        raise


def running():
    return os.environ.get("KERNELRELEASE") or os.uname().release


def package_base(version):
    """Arch: which of its kernels a module tree belongs to ("linux", "linux-lts"); "" elsewhere."""
    return (content("%s/usr/lib/modules/%s/pkgbase" % (ROOT, version)) or "").strip()


def flavour(version):
    """ "generic" of "5.15.0-25-generic", "cloud-amd64" of "6.1.0-13-cloud-amd64", "" of "5.14.0-427.el9.x86_64"."""
    base = package_base(version)
    if base:
        return base
    pieces = version.split("-")[1:]
    while pieces and not pieces[0][:1].isalpha():
        pieces.pop(0)
    return "-".join(pieces)


def age_key(version):
    """Sorts versions: numbers as numbers, and a number after a word ("rc")."""
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.findall(r"\d+|[a-zA-Z~]+", version)]


def kernels():
    """Every kernel that could be booted, oldest first."""
    boot = ROOT + "/boot"
    found = {}
    for name in names(boot):
        match = KERNELS.match(name)
        if match and not os.path.islink(os.path.join(boot, name)):
            found[match.group(1)] = (name, [pattern % match.group(1) for pattern in INITRDS])
    for version in names(ROOT + "/usr/lib/modules"):
        base = package_base(version)
        if base and version not in found:
            found[version] = ("vmlinuz-" + base, ["initramfs-%s.img" % base])
    bases = {package_base(version) for version in found}
    chosen = [version for version in found if version not in bases]
    return [kernel(version, *found[version]) for version in sorted(chosen, key=age_key)]


def kernel(version, image, initrds):
    boot = ROOT + "/boot/"
    sizes = [size(boot + name) for name in initrds]
    trees = [ROOT + folder + version for folder in ("/lib/modules/", "/usr/lib/modules/")]
    return {
        "version": version,
        "flavour": flavour(version),
        "image_bytes": size(boot + image),
        "initrd_bytes": next((each for each in sizes if each is not None), None),
        "map_bytes": size(boot + "System.map-" + version),
        "modules": any(os.path.isdir(tree) for tree in trees),
    }


def next_kernel():
    """The newest kernel of the running one's flavour; "" when /boot has none (a container, a kernel from outside)."""
    mine = flavour(running())
    same = [each["version"] for each in kernels() if each["flavour"] == mine]
    return same[-1] if same else ""


def modules():
    """For the running and the next kernel: which of the modules that a GPU host lives on are there, in which version."""
    found = []
    for version in dict.fromkeys([running(), next_kernel()]):
        for name in MODULES if version else ():
            done = run(["modinfo", "-k", version, name])
            if done is None:
                return None
            fields = dict(line.split(":", 1) for line in done[1].split("\n") if re.match(r"[a-z]+:", line))
            found.append(
                {
                    "kernel": version,
                    "name": name,
                    "present": done[0] == 0,
                    "version": fields.get("version", "").strip()[:100],
                    "error": "" if done[0] == 0 else " ".join(done[2].split())[:200],
                }
            )
    return found


def loaded():
    """What is loaded now, and NVIDIA's own word for its version."""
    text = content(ROOT + "/proc/modules", 1 << 20) or ""
    present = {line.split(" ", 1)[0] for line in text.split("\n")}
    banner = content(ROOT + "/proc/driver/nvidia/version") or ""
    version = re.search(r"Kernel Module(?: for \S+)?\s+(\d+(?:\.\d+)+)", banner)
    return {
        "modules": [name for name in MODULES if name in present],
        "nvidia": version.group(1) if version else (content(ROOT + "/sys/module/nvidia/version") or "").strip(),
    }


def devices():
    """How many GPUs, NVSwitches and Mellanox adapters the PCI bus shows, driver or not."""
    count = {"nvidia": 0, "nvswitch": 0, "mellanox": 0}
    base = ROOT + "/sys/bus/pci/devices"
    for name in names(base):
        vendor = (content("%s/%s/vendor" % (base, name)) or "").strip()
        kind = (content("%s/%s/class" % (base, name)) or "").strip()
        if vendor == "0x10de":
            count["nvidia"] += kind.startswith("0x03")
            count["nvswitch"] += kind.startswith("0x0680")
        count["mellanox"] += vendor == "0x15b3"
    return count


def dkms():
    return answer_of(["dkms", "status"])


def space():
    """Room on the file systems that an update writes to; a path on the same one as an earlier path is told as such."""
    found = []
    for path in SPACES:
        place = ROOT + path
        if not os.path.isdir(place):
            continue
        stat = os.statvfs(place)
        found.append(
            {
                "path": path,
                "device": os.stat(place).st_dev,
                "free_bytes": stat.f_bavail * stat.f_frsize,
                "total_bytes": stat.f_blocks * stat.f_frsize,
                "free_inodes": stat.f_favail if stat.f_files else None,
                "total_inodes": stat.f_files or None,
                "read_only": bool(stat.f_flag & os.ST_RDONLY),
            }
        )
    return found
