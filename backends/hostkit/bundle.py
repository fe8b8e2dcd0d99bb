"""Packs the programs of the kit into one piece of zlib'd source, the form in which they travel to a host."""

from __future__ import annotations

import hashlib
import math
import zlib
from functools import lru_cache
from importlib import resources

PARTS = ("kit_text", "kit_devices", "kit_counters", "kit_facts", "kit_rounds", "kit_slow", "kit_processes", "kit_gpu")
"""Modules that the probe imports, in an order in which each finds what it needs."""

_HEAD = """\
import sys
def _part(name, source):
    module = type(sys)(name)
    sys.modules[name] = module
    exec(compile(source, name, "exec"), module.__dict__)
"""


def source(name: str) -> str:
    """The text of one program or part in `backends/hostkit/programs`."""
    return (resources.files("backends.hostkit.programs") / f"{name}.py").read_text("utf-8")


@lru_cache(maxsize=8)
def _program(name: str, parts: tuple[str, ...]) -> str:
    modules = "".join(f"_part({part!r}, {source(part)!r})\n" for part in parts)
    return f"{_HEAD}{modules}exec(compile({source(name)!r}, {name!r}, 'exec'))\n"


def version(name: str, parts: tuple[str, ...]) -> str:
    """The first 8 hex digits of the program's hash: which kit a host runs."""
    return hashlib.sha256(_program(name, parts).encode()).hexdigest()[:8]


def pack(name: str, parts: tuple[str, ...], arguments: object) -> bytes:
    """zlib'd source that runs program `name` with `ARGUMENTS` set to `arguments`.

    Args:
        name: a module in `backends/hostkit/programs`, without ".py".
        parts: the modules that it imports from there.
        arguments: plain data (None, bool, int, float, str, list, tuple, dict); becomes a Python literal.

    Raises:
        TypeError: `arguments` holds something else, or a float that no literal can name (infinity, NaN).
    """
    _check_plain(arguments)
    return zlib.compress(f"ARGUMENTS = {arguments!r}\n{_program(name, parts)}".encode(), 9)


def _check_plain(value: object) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _check_plain(key)
            _check_plain(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_plain(item)
    elif not (value is None or type(value) in (bool, int, str) or (type(value) is float and math.isfinite(value))):
        raise TypeError(f"cannot travel to a host: {type(value).__name__}")
