"""Whose process is it: container, pod or Slurm job, read from a cgroup path of version 1 or 2."""

from __future__ import annotations

import re

from backends.text import clean

_SLURM = re.compile(r"/slurm[^/]*(?:/[^/]+)*?/job_([0-9]{1,10})(?:/|$)")
_POD = re.compile(r"pod([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}|[0-9a-f]{32})")
_ID = re.compile(r"(?:^|[/:-])([0-9a-f]{64})(?:\.scope)?(?:/|$)")
_ENGINE = re.compile(r"/(docker|libpod|crio|cri-containerd|containerd|podman|nerdctl|buildkit)[-/:]")
_LXC = re.compile(r"/lxc(?:\.payload)?[./]([^/]+)")
_MACHINE = re.compile(r"/(?:systemd-nspawn@([^/]+)\.service|machine-([^/]+)\.scope)")
_UNHEX = re.compile(r"\\x([0-9a-f]{2})")


def owner(path: str) -> tuple[str | None, str | None]:
    """(container or pod, Slurm job id) of a cgroup path; None for what it is not in.

    A pod is shown as "pod 1a2b3c4d", a container as its engine's name and 12 digits of its id.
    """
    job = _SLURM.search(path)
    return _container(path), job[1] if job else None


def _container(path: str) -> str | None:
    pod = _POD.search(path)
    if pod:
        return f"pod {pod[1].replace('_', '-')[:8]}"
    found = _ID.search(path)
    if found:
        engine = _ENGINE.search(path)
        return f"{_short(engine[1]) if engine else 'container'} {found[1][:12]}"
    lxc = _LXC.search(path)
    if lxc:
        return f"lxc {lxc[1][:40]}"
    machine = _MACHINE.search(path)
    if machine:
        name = _UNHEX.sub(lambda match: chr(int(match[1], 16)), machine[1] or machine[2])
        return f"machine {clean(name, 40)}"
    return None


def _short(engine: str) -> str:
    return {"libpod": "podman", "cri-containerd": "containerd"}.get(engine, engine)
