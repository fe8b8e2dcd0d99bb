"""Runs a piece of the kit inside this process: the same code that looks at hosts looks at this machine."""

from __future__ import annotations

import sys
import threading
from types import ModuleType
from typing import Any

from backends.hostkit.bundle import source

_loading = threading.Lock()
"""The names are the whole process's, and several hosts of a configuration may be this machine."""


def load_facts(proc: str = "/proc", sysfs: str = "/sys") -> dict[str, Any]:
    """The kit's hello of this machine (Linux).

    The parts import each other by their short names, as they do in the bundle; those names are put in place only while
    they load.
    """
    with _loading:
        before = sys.modules.get("kit_text")
        sys.modules["kit_text"] = _module("kit_text")
        try:
            facts = _module("kit_facts")
        finally:
            if before is None:
                del sys.modules["kit_text"]
            else:
                sys.modules["kit_text"] = before
    found = facts.facts(proc, sysfs, "local", 0.0)
    return dict(found)


def _module(name: str) -> ModuleType:
    module = ModuleType(name)
    exec(compile(source(name), name, "exec"), module.__dict__)  # noqa: S102  # our own file, as it runs on hosts
    return module
