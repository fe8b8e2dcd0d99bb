"""Health facts of NVIDIA GPUs that the probe does not bring: versions, and what nvidia-smi says. Contract: health.py.

nvidia-smi can block in the kernel for ever and cannot be killed then. So it runs detached with its output in a file, whose
reader never holds a pipe of it; and as long as one hangs (seen in the process table) no other is started.
"""

import os
import re
import signal
import subprocess
import time

from kit_ask import ENVIRONMENT, answer_of, content, find
from kit_health_host import ROOT, listing, word

SMI_SECONDS = float(
    os.environ.get("SMISECONDS", "25")
)  # -q takes about a second a GPU on big machines, and more without persistence
LINK_SECONDS = float(os.environ.get("LINKSECONDS", "10"))
POLL_SECONDS = 0.05
OUTPUT_LIMIT = 4 << 20
KEPT_LIMIT = 200 << 10
SECTION = re.compile(r"^\s*(?:GPU [0-9A-Fa-f]{8}:|[A-Z][^:]*$)")
WANTED = (
    "Driver Version,CUDA Version,Attached GPUs,Product Name,GPU UUID,Serial Number,VBIOS Version,Persistence Mode,"
    "Image Version,Inforom BBX Object,Current,Pending,GPU Recovery Action,GPU Reset Status,Reset Required,"
    "Drain and Reset Recommended,Single Bit ECC,Double Bit ECC,Pending Page Blacklist,Correctable Error,"
    "Uncorrectable Error,Pending,Remapping Failure Occurred,SRAM Correctable,SRAM Uncorrectable Parity,"
    "SRAM Uncorrectable SEC-DED,SRAM Uncorrectable,SRAM Threshold Exceeded,DRAM Correctable,DRAM Uncorrectable,State,"
    "Status,CliqueId,ClusterUUID,Bandwidth,Route Recovery in progress,Route Unhealthy,Access Timeout Recovery,Summary,"
    "SW Power Capping,Sync Boost,SW Thermal Slowdown,HW Thermal Slowdown,HW Power Braking,Average Power Draw,"
    "Instantaneous Power Draw,Power Draw,Graphics,SM,GPU Memory Max Operating Temp,Memory Max Operating Temp,"
    "Memory Current Temp,GPU Max Operating Temp"
).split(",")


class Stuck(Exception):
    """args: sentence."""


def stuck():
    """Pids of NVIDIA's programs that hang in the kernel."""
    found = []
    for name in listing("/proc"):
        if not name.isdigit():
            continue
        try:
            data = content("%s/proc/%s/stat" % (ROOT, name), 512) or ""
        except (IOError, OSError):
            continue
        if "(nvidia" in data and data[data.rfind(")") + 2 :][:1] == "D":
            found.append(int(name))
    return found


def smi(argv, seconds):
    """(exit status, text) of nvidia-smi; None without one. Raises Stuck when it does not end."""
    path = find("nvidia-smi")
    if path is None:
        return None
    hung = stuck()
    if hung:
        raise Stuck("process %d hangs in the GPU driver: no other is started" % hung[0])
    folder = private()
    try:
        return detached([path, *argv], os.path.join(folder, "out"), seconds)
    finally:
        for remove, leaf in ((os.unlink, "/out"), (os.rmdir, "")):
            try:
                remove(folder + leaf)
            except OSError:
                pass


def private():
    """A new directory that only we can enter."""
    places = (os.environ.get("XDG_RUNTIME_DIR"), "/run", "/tmp", "/var/tmp")
    for place in places:
        path = "%s/swarm-health-%d-%d" % (place, os.getpid(), int(time.time() * 1e6))
        try:
            os.mkdir(path, 0o700)  # fails where somebody else was before us
            return path
        except OSError:
            pass
    raise RuntimeError("no directory to write to")


def detached(argv, path, seconds):
    with open(path, "wb") as out, open(os.devnull, "rb") as null:
        child = subprocess.Popen(
            argv, stdin=null, stdout=out, stderr=subprocess.STDOUT, env=ENVIRONMENT, cwd="/", start_new_session=True
        )
    end = time.monotonic() + seconds
    while child.poll() is None:
        if time.monotonic() > end:
            state = (word("/proc/%d/stat" % child.pid, 512) or "").rpartition(")")[2].strip()[:1] or "?"
            kill(child.pid)
            raise Stuck("nvidia-smi gave no answer within %g s, state %s" % (seconds, state))
        time.sleep(POLL_SECONDS)
    with open(path, "rb") as file:
        return child.returncode, file.read(OUTPUT_LIMIT).decode("utf-8", "replace")


def kill(pid):
    try:
        os.killpg(pid, signal.SIGKILL)
    except OSError:
        pass


def told(argv, seconds, keep):
    """{"status", "lines"} or {"stuck": sentence}; None without nvidia-smi."""
    try:
        done = smi(argv, seconds)
    except Stuck as error:
        return {"status": None, "lines": [], "stuck": str(error)}
    if done is None:
        return None
    return {"status": done[0], "lines": keep(done[1]) if done[0] == 0 else text_lines(done[1])[:20], "stuck": ""}


def text_lines(text):
    return [line[:200].rstrip() for line in text.split("\n") if line.strip()]


def wanted(text):
    """Lines of `nvidia-smi -q` that are judged, with the headings above them; indentation tells what belongs to what."""
    kept, size = [], 0
    for line in text_lines(text):
        name = line.partition(" : ")[0].strip()
        if (" : " not in line and SECTION.match(line)) or name in WANTED:
            size += len(line)
            if size > KEPT_LIMIT:
                break
            kept.append(line)
    return kept


def query():
    return told(["-q"], SMI_SECONDS, wanted)


def links():
    return told(["nvlink", "-s"], LINK_SECONDS, lambda text: text_lines(text)[:1024])


def link_errors():
    return told(["nvlink", "-e"], LINK_SECONDS, lambda text: text_lines(text)[:4096])


def holders():
    """Processes that hold GPU memory, and whether they live: [{"pid", "uuid", "mebibytes", "alive"}]."""
    done = told(
        ["--query-compute-apps=pid,gpu_uuid,used_memory", "--format=csv,noheader,nounits"], LINK_SECONDS, text_lines
    )
    if done is None or done["status"] != 0:
        return None
    rows = []
    for line in done["lines"][:1024]:
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) == 3 and cells[0].isdigit():
            used = int(cells[2]) if cells[2].isdigit() else None
            rows.append({"pid": int(cells[0]), "uuid": cells[1], "mebibytes": used, "alive": alive(int(cells[0]))})
    return rows


def alive(pid):
    """Also told of processes that /proc hides from us (hidepid)."""
    if os.path.isdir("%s/proc/%d" % (ROOT, pid)):
        return True
    try:
        os.kill(pid, 0)
    except OSError as error:
        return error.errno == 1
    return True


def driver():
    """Versions of the loaded module, of the library on disk and of the fabric manager; None without NVIDIA's module."""
    text = word("/proc/driver/nvidia/version", 1024)
    libraries = set()
    for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"):
        target = ROOT + folder + "/libnvidia-ml.so.1"
        if os.path.exists(target):
            libraries.add(os.path.basename(os.path.realpath(target)).partition(".so.")[2])
    if text is None and not libraries:
        return None
    found = re.search(r"Module[^\n]*?\s(\d+\.\d+(?:\.\d+)?)\s", (text or "") + " ")
    return {
        "module": found.group(1) if found else "",
        "library": sorted(libraries)[0] if libraries else "",
        "fabric_manager": answer_of(["nv-fabricmanager", "--version"]),
        "device_nodes": len([name for name in listing("/dev") if re.match(r"nvidia\d+$", name)]),
    }


def imex():
    """What the IMEX domain says; None where it is not used."""
    return answer_of(["nvidia-imex-ctl", "-N"])
