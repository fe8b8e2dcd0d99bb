"""The driver's part of the boot gate: a module for the next kernel, and one version through the whole NVIDIA family.

Versions must agree exactly, to the third number (reference: patching §2.5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from backends.states import Severity
from backends.updates.classes import in_family
from backends.updates.gate_finding import Finding, amber, good, red, unknown
from backends.updates.model import FamilyVersion
from backends.updates.preflight_model import Preflight

OLDEST_DRIVER = 300
"""Driver branches are numbered from here; what is numbered below (CUDA, tools) is no driver."""
_VERSION = re.compile(r"\d+(?:\.\d+)+")
_DKMS = re.compile(r"([^/,\s]+)[/,]\s*([^,:\s]+),\s*([^,\s]+),\s*[^:]+:\s*(\S+)")
"""nvidia/580.95.05, 6.1.0-13-amd64, x86_64: installed (DKMS 3), nvidia, 510.47, 5.15.0-25-generic, x86_64: installed."""
_OWN_NUMBERS = ("linux-", "nvidia-fabricmanager", "libnvidia-nscq", "nvidia-imex", "nvidia-modprobe", "nvidia-settings")
_OWN_NUMBERS_TOO = ("nvidia-persistenced", "nvidia-xconfig", "cuda-drivers", "libnvidia-egl", "nvidia-installer")


def modules(preflight: Preflight) -> Iterator[Finding]:
    """What runs on a module now needs it after the reboot as well."""
    if not preflight.next_kernel or preflight.kernel is None:
        return
    if preflight.modules is None:
        loaded = preflight.loaded.modules if preflight.loaded else ()
        text = f"could not look for the modules of kernel {preflight.next_kernel}"
        evidence = preflight.missing.get("modules", "no modinfo")
        yield Finding(kind="module", severity=Severity.UNKNOWN, text=text, evidence=evidence, blocks=bool(loaded))
        return
    for name in _needed(preflight):
        module = preflight.module(preflight.next_kernel, name)
        if module is None or not module.present:
            evidence = module.error if module else ""
            yield red("module", f"module {name} is not there for kernel {preflight.next_kernel}", evidence)
        else:
            yield good("module", f"module {name} is there for kernel {preflight.next_kernel}", module.version)
    devices = preflight.devices
    if devices and devices.nvidia and "nvidia" not in _needed(preflight):
        yield amber("module", f"{devices.nvidia} NVIDIA GPUs, but no driver is loaded or built for this kernel")


def _needed(preflight: Preflight) -> tuple[str, ...]:
    """Modules that are loaded, or are there for the running kernel."""
    running = preflight.kernel.running if preflight.kernel else ""
    loaded = preflight.loaded.modules if preflight.loaded else ()
    present = (module.name for module in preflight.modules or () if module.kernel == running and module.present)
    return tuple(dict.fromkeys((*loaded, *(name for name in present if _used(preflight, name)))))


def _used(preflight: Preflight, name: str) -> bool:
    """In-tree modules are there on every host; they matter where their device is."""
    devices = preflight.devices
    if devices is None or name == "zfs":
        return devices is None
    return bool(devices.nvidia if name == "nvidia" else devices.mellanox)


def dkms(preflight: Preflight) -> Iterator[Finding]:
    """Every module that DKMS built for the running kernel must be built for the next one."""
    if "dkms" in preflight.missing:
        yield unknown("dkms", "could not ask DKMS", preflight.missing["dkms"])
    if preflight.dkms is None or preflight.kernel is None or not preflight.next_kernel:
        return
    rows = [match for line in preflight.dkms.lines if (match := _DKMS.match(line))]
    built = {(row[1], row[3]) for row in rows if row[4].startswith("installed")}
    for name in sorted({name for name, kernel in built if kernel == preflight.kernel.running}):
        if (name, preflight.next_kernel) not in built:
            state = next((row[4] for row in rows if (row[1], row[3]) == (name, preflight.next_kernel)), "not built")
            yield red("dkms", f"DKMS has {name} not installed for kernel {preflight.next_kernel}", state)


def family(preflight: Preflight) -> Iterator[Finding]:
    """Module of the next boot and installed libraries: one version, exact to the third number."""
    versions = _library_versions(preflight)
    if len(versions) > 1:
        every = "; ".join(f"{version}: {', '.join(sorted(names)[:3])}" for version, names in sorted(versions.items()))
        yield red("family", f"the NVIDIA driver family is split over {len(versions)} versions", every)
        return
    module = preflight.module(preflight.next_kernel, "nvidia") if preflight.next_kernel else None
    if not versions or module is None or not module.version:
        return
    (version,) = versions
    evidence = f"module {module.version}, libraries {version}"
    if module.version == version:
        yield good("family", "driver module and libraries agree", evidence)
    else:
        yield red("family", "the next boot loads another driver version than its libraries have", evidence)


def _library_versions(preflight: Preflight) -> dict[str, list[str]]:
    """Driver version → installed packages that carry it."""
    found: dict[str, list[str]] = {}
    for name, version, state in preflight.family or ():
        plain = name.partition(":")[0]
        if in_family(plain) and state[:2] in ("ii", "hi") and (number := _driver_version(plain, version)):
            found.setdefault(number, []).append(plain)
    return found


def _driver_version(name: str, version: str) -> str:
    """The driver version that a package carries; "" for those that are bound to a kernel or numbered on their own."""
    found = _VERSION.search(version.partition(":")[2] or version)
    if found is None or name.startswith(_OWN_NUMBERS + _OWN_NUMBERS_TOO):
        return ""
    return found[0] if int(found[0].partition(".")[0][:9]) >= OLDEST_DRIVER else ""


def fabric_manager(preflight: Preflight) -> Iterator[Finding]:
    """Without the exactly equal fabric manager the GPUs of an NVSwitch machine do not start."""
    switches = preflight.devices.nvswitch if preflight.devices else 0
    version = _fabric_version(preflight)
    if not version and not switches:
        return
    driver = _next_driver(preflight)
    if not version:
        said = preflight.missing.get("fabric_manager", "nv-fabricmanager was not found")
        yield red("fabric-manager", f"{switches} NVSwitches, but no fabric manager", said)
    elif not driver:
        yield unknown("fabric-manager", "the driver of the next boot is not known", f"fabric manager {version}")
    elif version != driver:
        evidence = f"fabric manager {version}, driver {driver}"
        yield (red if switches else amber)("fabric-manager", "fabric manager and driver differ", evidence)
    else:
        yield good("fabric-manager", "fabric manager and driver agree", version)


def _fabric_version(preflight: Preflight) -> str:
    said = preflight.fabric_manager.text if preflight.fabric_manager else ""
    if match := _VERSION.search(said):
        return match[0]
    rows = (row for row in preflight.family or () if row[0].startswith("nvidia-fabricmanager") and row[2][:2] == "ii")
    versions = (_VERSION.search(version.partition(":")[2] or version) for _, version, _ in rows)
    return next((match[0] for match in versions if match), "")


def _next_driver(preflight: Preflight) -> str:
    module = preflight.module(preflight.next_kernel, "nvidia") if preflight.next_kernel else None
    if module is not None:
        return module.version
    return next(iter(_library_versions(preflight)), preflight.loaded.nvidia if preflight.loaded else "")


def versions(preflight: Preflight) -> tuple[FamilyVersion, ...]:
    """Each of the versions that must agree; nothing on a host without an NVIDIA driver."""
    libraries = _library_versions(preflight)
    loaded = preflight.loaded.nvidia if preflight.loaded else ""
    module = preflight.module(preflight.next_kernel, "nvidia") if preflight.next_kernel else None
    fabric = _fabric_version(preflight)
    if not (libraries or loaded or (module and module.version)):
        return ()
    missing = preflight.missing.get
    parts = (
        ("loaded driver", loaded, missing("loaded", "none is loaded")),
        ("next boot", module.version if module else "", module.error if module else missing("modules", "not found")),
        ("NVML", _nvml_version(preflight), missing("nvml", "nvidia-smi gave none")),
        *(("libraries", version, "") for version in sorted(libraries)),
        *((("fabric manager", fabric, missing("fabric_manager", "")),) if fabric else ()),
    )
    return tuple(FamilyVersion(part=part, version=version, reason=reason) for part, version, reason in parts)


def _nvml_version(preflight: Preflight) -> str:
    """The first line that is a version; every GPU of a host prints the same one."""
    lines = preflight.nvml.lines if preflight.nvml else ()
    return next((line.strip() for line in lines if _VERSION.fullmatch(line.strip())), "")
