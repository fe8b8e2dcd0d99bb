"""What changes only with a reboot or an upgrade, read once at the start."""

import os
import sys

from kit_text import line_text


def text(path, size=4096):
    try:
        with open(path, "rb") as file:
            return line_text(file.read(size), size).strip()
    except OSError:
        return ""


def system_name(etc):
    for path in (etc + "/os-release", "/usr/lib/os-release"):
        for line in text(path).splitlines():
            if line.startswith("PRETTY_NAME="):
                return line[12:].strip().strip("\"'")
    return ""


def cpu_model(raw):
    for line in raw.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model", "cpu model", "machine"):
            return value.strip()
    return ""


def container():
    """The name of what this container runs in, "" outside of one."""
    named = text("/run/systemd/container", 64) or text("/run/host/container-manager", 64)
    return named or ("docker" if os.path.exists("/.dockerenv") else "")


def hypervisor(sysfs, cpuinfo):
    """The name of what this virtual machine runs on, "" on bare metal."""
    vendor = text(sysfs + "/class/dmi/id/sys_vendor", 128)
    product = text(sysfs + "/class/dmi/id/product_name", 128)
    for word, name in (
        ("QEMU", "kvm"),
        ("KVM", "kvm"),
        ("Amazon EC2", "amazon"),
        ("Google", "google"),
        ("VMware", "vmware"),
        ("VirtualBox", "virtualbox"),
        ("Virtual Machine", "hyper-v"),
        ("Xen", "xen"),
        ("OpenStack", "openstack"),
    ):
        if (word in vendor or word in product) and not product.endswith(".metal"):
            return name
    return "vm" if " hypervisor" in cpuinfo else ""


def gpu_vendors(proc, sysfs):
    """(vendors with a usable device, PCI display devices of NVIDIA): the second shows a driver that is not loaded."""
    dev = os.environ.get("DEVROOT", "/dev")
    nvidia = os.path.exists(dev + "/nvidiactl") or os.path.exists(dev + "/nvidia0")
    vendors = ["nvidia"] if nvidia or os.path.isdir(proc + "/driver/nvidia/gpus") else []
    for card in sorted(listing(sysfs + "/class/drm")):
        name = card.replace("card", "", 1)
        if name.isdigit() and text(sysfs + "/class/drm/" + card + "/device/vendor", 16) == "0x1002":
            vendors.append("amd")
            break
    count = 0
    root = sysfs + "/bus/pci/devices/"
    for device in listing(root):
        if text(root + device + "/class", 16)[:4] == "0x03" and text(root + device + "/vendor", 16) == "0x10de":
            count += 1
    return vendors, count


def listing(path):
    try:
        return os.listdir(path)
    except OSError:
        return []


def user_name():
    """From /etc/passwd only: a look-up through LDAP might not answer."""
    uid = os.geteuid()
    for line in text("/etc/passwd", 1 << 18).splitlines():
        fields = line.split(":")
        if len(fields) > 3 and fields[2] == str(uid):
            return fields[0]
    return str(uid)


def cpu_count(proc):
    lines = [line for line in text(proc + "/stat", 1 << 20).splitlines() if line[:3] == "cpu" and line[3:4].isdigit()]
    return len(lines) or os.cpu_count()


def memory_total(proc):
    for line in text(proc + "/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    return None


def facts(proc, sysfs, version, interval):
    """The hello frame's dict: HostFacts fields, the devices found, the interval."""
    name = os.uname()
    cpuinfo = text(proc + "/cpuinfo", 8192)
    vendors, nvidia_pci = gpu_vendors(proc, sysfs)
    return {
        "hostname": text(proc + "/sys/kernel/hostname", 256) or name[1],
        "boot_id": text(proc + "/sys/kernel/random/boot_id", 64),
        "kernel": text(proc + "/sys/kernel/osrelease", 256) or name[2],
        "system": system_name("/etc"),
        "architecture": name[4],
        "cpu_model": cpu_model(cpuinfo),
        "cpu_count": cpu_count(proc),
        "memory_total_bytes": memory_total(proc),
        "python": "%d.%d.%d" % sys.version_info[:3],
        "user": user_name(),
        "kit_version": version,
        "machine_id": text("/etc/machine-id", 64),
        "virtualisation": container() or hypervisor(sysfs, cpuinfo),
        "gpus": vendors,
        "nvidia_pci": nvidia_pci,
        "interval": interval,
    }
