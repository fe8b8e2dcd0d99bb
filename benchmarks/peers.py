"""The programs that ours is measured beside: `make bench` puts what is missing into .bench-venv, and nowhere else.

Nothing is installed into the system and no service is started: the exporter's package is only unpacked. What cannot be
had is left out, and the tables say so.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".bench-venv"
WANTED, PINNED = Path(__file__).with_name("peers.txt"), ROOT / "constraints.txt"
EXPORTER = "prometheus-node-exporter"
OLDEST = (3, 11)
"""Of the Python that ansible-core wants."""
INSTALL_SECONDS = 600.0


def program(name: str) -> str | None:
    """Where a peer's program is: pinned ones first, then beside our interpreter, then on the PATH."""
    for folder in (FOLDER / "bin", Path(sys.executable).parent):
        if (folder / name).exists():
            return str(folder / name)
    return shutil.which(name)


def prepare() -> None:
    """Make the peers available; says on stderr what cannot be had. Quick when everything is there."""
    for what, step in (("the peers of benchmarks/peers.txt", _python_peers), (EXPORTER, _exporter)):
        try:
            step()
        except (OSError, subprocess.SubprocessError) as error:
            said = getattr(error, "stderr", None) or str(error)
            last = said.strip().splitlines()[-1] if said.strip() else type(error).__name__
            print(f"bench: without {what}: {last}", file=sys.stderr)


def python() -> str:
    """The interpreter for peers in Python: the machine's, which runs our kit too, when it is new enough."""
    for path in ("/usr/bin/python3", sys.executable):
        argv = [path, "-c", f"import sys, venv; sys.exit(sys.version_info < {OLDEST})"]
        if Path(path).exists() and subprocess.run(argv, capture_output=True).returncode == 0:
            return path
    return sys.executable


def fingerprint(interpreter: str) -> str:
    """Changes when what is to be in .bench-venv does."""
    return hashlib.sha256(b"\0".join((WANTED.read_bytes(), PINNED.read_bytes(), interpreter.encode()))).hexdigest()


def _python_peers() -> None:
    interpreter = python()
    stamp, wanted = FOLDER / ".installed", fingerprint(interpreter)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print("bench: installing the peers into .bench-venv (a minute the first time)", file=sys.stderr)
    _run([interpreter, "-m", "venv", "--without-pip", "--clear", str(FOLDER)])
    pip = [sys.executable, "-m", "pip", "--python", str(FOLDER / "bin" / "python"), "--disable-pip-version-check"]
    _run([*pip, "install", "--quiet", "--retries", "1", "-r", str(WANTED), "-c", str(PINNED)])
    stamp.write_text(wanted)


def _exporter() -> None:
    """Unpack Debian's package; needs no root, where the package lists are there."""
    if program(EXPORTER) or not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return
    with tempfile.TemporaryDirectory() as folder:
        _download(folder)
        (package,) = Path(folder).glob("*.deb")
        _run(["dpkg-deb", "-x", str(package), "unpacked"], folder)
        (FOLDER / "bin").mkdir(parents=True, exist_ok=True)
        shutil.copy2(Path(folder) / "unpacked/usr/bin" / EXPORTER, FOLDER / "bin" / EXPORTER)


def _download(folder: str) -> None:
    """A machine whose package lists were never fetched needs them first, which only root may."""
    try:
        _run(["apt-get", "download", EXPORTER], folder)
    except subprocess.CalledProcessError:
        if os.getuid() != 0:
            raise
        _run(["apt-get", "-qq", "update"])
        _run(["apt-get", "download", EXPORTER], folder)


def _run(argv: Sequence[str], folder: str | None = None) -> None:
    """Raises OSError, and subprocess.SubprocessError with what it said, when it fails."""
    subprocess.run(
        argv,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        timeout=INSTALL_SECONDS,
    )
