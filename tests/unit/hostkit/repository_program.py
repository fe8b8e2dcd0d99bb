"""The program `borg_repository` in this process: the same code as on a host, without a Python of its own for each question."""

from __future__ import annotations

import json
import sys
import threading
from functools import lru_cache
from types import ModuleType
from typing import Any

from backends.hostkit.bundle import source

_LOADING = threading.Lock()
PARTS = ("kit_text", "kit_segments", "kit_roster", "kit_rollback")


@lru_cache(maxsize=1)
def parts() -> dict[str, Any]:
    """The program and its parts under their short names, as on a host; those names are in place only while they load."""
    before = {name: sys.modules.get(name) for name in PARTS}
    loaded: dict[str, Any] = {}
    try:
        for name in (*PARTS, "borg_repository"):
            module = loaded[name] = sys.modules[name] = ModuleType(name)
            exec(compile(source(name), name, "exec"), module.__dict__)
        loaded["borg_repository"].moving("mark")  # imports the rarer half
    finally:
        for name in (*PARTS, "borg_repository"):
            old = before.get(name)
            if old is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = old
    return loaded


def run(do: str, **arguments: Any) -> dict[str, Any]:
    """In this process, which is quicker than as on a host."""
    with _LOADING:  # jobs of several repositories ask at a time, and the names of modules are those of the process
        return _answered(do, arguments)


def _answered(do: str, arguments: dict[str, Any]) -> dict[str, Any]:
    program = parts()["borg_repository"]
    sys.modules["kit_rollback"] = parts()["kit_rollback"]
    try:
        answer: dict[str, Any] = json.loads(parts()["kit_text"].encode(program.answer({"do": do, **arguments})))
    finally:
        del sys.modules["kit_rollback"]
    return answer
