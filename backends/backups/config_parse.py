"""Configuration files out of an archive, read by the programs that they are for: is what came back still a configuration?

Only a parser is asked, only where it exists, only about this one file: directives that pull in other files are left out
of the copy, because those would be this machine's. A program that fails without naming the file has failed for another
reason (no host key, no directory) and says nothing about it.
"""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

from backends.metrics.sample import Record
from backends.text import clean

LARGEST = 256 << 10
"""Larger files are no hand-written configuration."""
SECONDS = 10.0
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_YAML_LARGEST, _YAML_BRACKETS = 64 << 10, 300
Run = Callable[[Sequence[str], float], tuple[int, str]]
"""(argv, seconds) → (exit status, what it said). Raises OSError or TimeoutError when it does not come to an end."""


class Parsed(Record, frozen=True, kw_only=True):
    """What a parser said."""

    path: str
    by: str
    """ "visudo", "sshd", "json" …"""
    ok: bool | None
    """None: it could not be asked, or failed for another reason."""
    said: str = ""


class _Rule(Record, frozen=True, kw_only=True):
    pattern: str
    by: str
    read: Callable[[str], None] | None = None
    """Raises ValueError with what is wrong."""
    slow: Callable[[str], bool] | None = None
    """Whether reading would take too long."""
    argv: tuple[str, ...] = ()
    include: str = ""
    """Lines that pull in other files."""
    shebang: str = ""
    """Only for scripts that begin so."""


def parse(path: str, content: bytes, scratch: Path, run: Run | None = None) -> Parsed | None:
    """Ask the parser of a file; None when it has none.

    Args:
        path: as in the archive.
        content: the whole file.
        scratch: a directory of our own for the copy that a program reads.
        run: runs the program.
    """
    rule = _rule(path, content)
    if rule is None or len(content) > LARGEST:
        return None
    text = content.decode("utf-8", "replace")
    if rule.read is not None:
        return _read(path, rule, rule.read, text)
    program = shutil.which(rule.argv[0], path=_PATH)
    return _asked(path, rule, [program, *rule.argv[1:]], text, scratch, run or _run) if program else None


def _rule(path: str, content: bytes) -> _Rule | None:
    head = content[:80].decode("latin-1")
    fitting = (rule for rule in _RULES if fnmatchcase(path, rule.pattern) and re.match(rule.shebang, head))
    return next(fitting, None)


def _read(path: str, rule: _Rule, read: Callable[[str], None], text: str) -> Parsed:
    if rule.slow is not None and rule.slow(text):
        return Parsed(path=path, by=rule.by, ok=None, said="too large for a quick look")
    try:
        read(text)
    except (ValueError, RecursionError, configparser.Error, yaml.YAMLError) as error:
        return Parsed(path=path, by=rule.by, ok=False, said=clean(str(error), 300))
    return Parsed(path=path, by=rule.by, ok=True)


def _asked(path: str, rule: _Rule, argv: Sequence[str], text: str, scratch: Path, run: Run) -> Parsed:
    copy = scratch / "candidate"
    alone = re.sub(rule.include, "# (another file)", text, flags=re.MULTILINE) if rule.include else text
    copy.write_text(alone, encoding="utf-8", errors="replace")
    copy.chmod(0o440)  # visudo wants it so
    try:
        status, said = run([str(copy) if each == "{file}" else each for each in argv], SECONDS)
    except (OSError, TimeoutError) as error:
        return Parsed(path=path, by=rule.by, ok=None, said=clean(str(error), 300))
    finally:
        copy.unlink()
    if status == 0:
        return Parsed(path=path, by=rule.by, ok=True)
    about = str(copy) in said
    return Parsed(path=path, by=rule.by, ok=False if about else None, said=clean(said.replace(str(copy), path), 300))


def _run(argv: Sequence[str], seconds: float) -> tuple[int, str]:
    environment = {"PATH": _PATH, "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"{argv[0]} took more than {seconds:.0f} s") from error
    return done.returncode, done.stdout[:20_000].decode("utf-8", "replace")


# Formats that need no program ----------------------------------------------------------------------------------------


def _json(text: str) -> None:
    json.loads(text)


def _toml(text: str) -> None:
    tomllib.loads(text)


def _ini(text: str) -> None:
    configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True).read_string(text)


def _yaml(text: str) -> None:
    """Events only: aliases are not followed, so that no file can blow up."""
    for _ in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        pass


def _slow_yaml(text: str) -> bool:
    """Brackets within brackets take quadratic time."""
    return len(text) > _YAML_LARGEST or text.count("[") + text.count("{") > _YAML_BRACKETS


def _colons(fields: int, numbers: tuple[int, ...]) -> Callable[[str], None]:
    """A reader of lines of `fields` fields between colons, some of which are numbers."""

    def read(text: str) -> None:
        lines = [line for line in text.splitlines() if line.strip() and not line.startswith(("#", "+", "-"))]
        if not lines:
            raise ValueError("no entries")
        for at, line in enumerate(lines, 1):
            parts = line.split(":")
            if len(parts) != fields:
                raise ValueError(f"entry {at} has {len(parts)} fields instead of {fields}")
            if not parts[0] or not all(parts[each].isdigit() for each in numbers):
                raise ValueError(f"entry {at} has no name, or a number that is none")

    return read


_RULES = (
    _Rule(pattern="etc/passwd", by="passwd format", read=_colons(7, (2, 3))),
    _Rule(pattern="etc/group", by="group format", read=_colons(4, (2,))),
    _Rule(pattern="etc/shadow", by="shadow format", read=_colons(9, ())),
    _Rule(pattern="etc/gshadow", by="gshadow format", read=_colons(4, ())),
    _Rule(
        pattern="etc/sudoers", by="visudo", argv=("visudo", "-c", "-f", "{file}"), include=r"^\s*[#@]include(dir)?\b.*$"
    ),
    _Rule(
        pattern="etc/sudoers.d/*",
        by="visudo",
        argv=("visudo", "-c", "-f", "{file}"),
        include=r"^\s*[#@]include(dir)?\b.*$",
    ),
    _Rule(
        pattern="etc/ssh/sshd_config",
        by="sshd",
        argv=("sshd", "-t", "-f", "{file}"),
        include=r"(?i)^\s*(?:Include|HostKey|HostCertificate)\b.*$",
    ),
    _Rule(pattern="*.json", by="json", read=_json),
    _Rule(pattern="*.toml", by="toml", read=_toml),
    _Rule(pattern="*.yaml", by="yaml", read=_yaml, slow=_slow_yaml),
    _Rule(pattern="*.yml", by="yaml", read=_yaml, slow=_slow_yaml),
    _Rule(pattern="*.ini", by="ini", read=_ini),
    _Rule(pattern="*", by="bash", argv=("bash", "-n", "{file}"), shebang=r"#! ?(/usr)?/bin/(env )?bash\b"),
    _Rule(pattern="*", by="sh", argv=("sh", "-n", "{file}"), shebang=r"#! ?/bin/sh\b"),
)
"""First match wins. What each proves: the syntax of this one file, for the version of the program on this machine."""
