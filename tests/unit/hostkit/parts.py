"""The parts of the probe as modules of this process, and trees of files for them to read."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from backends.hostkit.bundle import PARTS, source

OUTPUTS = Path(__file__).parents[2] / "outputs"


def part(name: str) -> ModuleType:
    """One of the modules that the bundle packs ("kit_counters")."""
    return _parts()[name]


@lru_cache(maxsize=1)
def _parts() -> dict[str, ModuleType]:
    """Loaded under their short names, as on a host; those names are in place only meanwhile."""
    before = {name: sys.modules.get(name) for name in PARTS}
    try:
        return {name: _load(name) for name in PARTS}
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def _load(name: str) -> ModuleType:
    module = sys.modules[name] = ModuleType(name)
    exec(compile(source(name), name, "exec"), module.__dict__)
    return module


def program(name: str) -> Any:
    """One of the modules of the GPU program ("gpu_smi"), untyped as it is."""
    return import_module(f"backends.hostkit.programs.{name}")


def plant(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write `files` (path below `root` → content); `root` again."""
    for name, content in files.items():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root
