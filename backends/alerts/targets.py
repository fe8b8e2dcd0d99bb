"""Who is told: the targets of the configuration, and where each one's URL comes from.

Nothing is resolved at start-up: a command may ask for a token. `resolve` is called in the thread that delivers.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import stat
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from backends.alerts.redact import Redactor, Secret, place, scheme_of
from backends.config.problem import Problem, nearest
from backends.config.schema import AlertsConfig, TargetConfig
from backends.errors import AskOperator, BadInput
from backends.metrics.sample import Record
from backends.paths import expanded
from backends.text import clean

COMMAND_SECONDS = 30.0
"""Somebody may have to touch a token; nobody waits for a notice longer."""
LIMIT_BYTES = 8192
"""No URL is longer."""
WORDS = ("title", "severity", "kind", "rule", "host", "hosts", "time", "lines")
"""What may stand in braces in a template."""
Incident = Literal["auto", "pagerduty", "opsgenie", "none"]

_BRACES = re.compile(r"\{([^{}\s]*)\}")
_ONE_URL = "one apprise URL with one recipient, on one line"
_WAYS = ("url", "url_command", "url_file", "url_env")

Run = Callable[[Sequence[str], float], tuple[int, bytes, bytes]]
"""Runs an argv for at most so many seconds; exit status, stdout, stderr. Raises OSError, subprocess.TimeoutExpired."""


class Target(Record, frozen=True, kw_only=True):
    """Somebody who is told. Its URL is not part of it when it is shown or sent over a socket."""

    name: str
    min_severity: Literal["info", "warning", "critical"] = "warning"
    hosts: str = ""
    """A selector; "" is every host."""
    rules: tuple[str, ...] = ()
    """Globs; () is every rule."""
    hours: str = ""
    levels: tuple[int, ...] = (0,)
    title: str = ""
    body: str = ""
    incident: Incident = "auto"
    timeout_seconds: float = 4.0
    way: Literal["url", "url_command", "url_file", "url_env"] = "url"
    source: Secret
    """The URL itself, the command line, the file or the variable's name."""


def targets(config: AlertsConfig) -> tuple[Target, ...]:
    """The targets of the configuration.

    Raises:
        BadInput: something is wrong with one of them (all problems in one message; no URL in it).
    """
    found = problems(config)
    if found:
        raise BadInput("; ".join(each.message for each in found), action="read [[alerts.targets]]", hint=found[0].hint)
    return tuple(_target(each) for each in config.targets)


def problems(config: AlertsConfig) -> list[Problem]:
    """What is wrong with the targets, as far as can be told without resolving any URL."""
    found: list[Problem] = []
    names: set[str] = set()
    for at, target in enumerate(config.targets):
        said = _wrong(target) or (("there is another one of that name", "") if target.name in names else None)
        names.add(target.name)
        if said is not None:
            message, hint = said
            key = f"alerts.targets.{at}"
            found.append(Problem(key=key, message=f"alerts target {target.name!r}: {message}", hint=hint))
    return found


def resolve(target: Target, environment: Mapping[str, str], run: Run | None = None) -> Secret:
    """The URL of a target.

    Raises:
        AskOperator: the command, file or variable gives none; the message names the target and never what was printed.
        BadInput: what it gives is no single URL.
    """
    text = _given(target, environment, run or ask)
    url = text.strip()
    if why := _no_url(url):
        raise BadInput(f"alerts target {target.name!r}: its {target.way} gives {why}", hint=_ONE_URL)
    return Secret(url)


def _no_url(url: str) -> str:
    """What it is instead of one URL; "" when it is one."""
    if not url:
        return "nothing"
    if len(url) > LIMIT_BYTES:
        return f"more than {LIMIT_BYTES} characters"
    if any(character.isspace() or not character.isprintable() for character in url):
        return "more than one URL, or one with spaces"
    if not scheme_of(url):
        return "no URL (KIND://…)"
    return "more than one URL" if re.search(r",\s*[a-z][a-z0-9+.-]*://", url, re.IGNORECASE) else ""


def ask(argv: Sequence[str], seconds: float) -> tuple[int, bytes, bytes]:
    """Run `argv` without a shell and without input. Raises OSError, subprocess.TimeoutExpired."""
    process = subprocess.Popen(
        list(argv),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    with process:
        try:
            out, err = process.communicate(timeout=seconds)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, out, err


def shown(target: Target, url: Secret) -> str:
    """A target as it may be shown: "oncall (json://gate:8080)"."""
    return f"{target.name} ({place(url.reveal())})"


# configuration


def _target(config: TargetConfig) -> Target:
    way = next(each for each in _WAYS if getattr(config, each))
    return Target(
        name=config.name,
        min_severity=config.min_severity,
        hosts=config.hosts,
        rules=config.rules,
        hours=config.hours,
        levels=config.levels,
        title=config.title,
        body=config.body,
        incident=config.incident,
        timeout_seconds=config.timeout_seconds,
        way=way,  # type: ignore[arg-type]  # one of the four words
        source=Secret(getattr(config, way)),
    )


def _wrong(target: TargetConfig) -> tuple[str, str] | None:
    """Message and hint."""
    given = [each for each in _WAYS if getattr(target, each)]
    if len(given) != 1:
        message = f"found {' and '.join(given)}" if given else "no URL is given"
        return message, f"give exactly one of {', '.join(_WAYS)}"
    if target.url and (why := _no_url(target.url.strip())):
        return f"its url gives {why}", _ONE_URL
    if not target.levels:
        return "levels is empty: it would never be told", "levels = [0]"
    for word in _BRACES.findall(target.title + target.body):
        if word not in WORDS:
            hint = nearest(word, list(WORDS)) or f"known here: {', '.join(WORDS)}"
            return f"unknown word {{{clean(word, 40)}}} in a template", hint
    if target.url_command:
        try:
            if not shlex.split(target.url_command):
                return "url_command is empty", "the program and its arguments"
        except ValueError as error:
            return f"url_command cannot be taken apart: {error}", "close every quote"
    return None


# the four ways


def _given(target: Target, environment: Mapping[str, str], run: Run) -> str:
    source = target.source.reveal()
    match target.way:
        case "url":
            return source
        case "url_env":
            if source not in environment:
                raise _asked(
                    target, f"the variable {clean(source, 80)} is not set", "set it where the engine is started"
                )
            return environment[source]
        case "url_file":
            return _from_file(target, source)
        case "url_command":
            return _from_command(target, source, run)


def _from_file(target: Target, name: str) -> str:
    path = expanded(name)
    try:
        with path.open("rb") as file:
            info = os.fstat(file.fileno())
            if not stat.S_ISREG(info.st_mode):
                raise _asked(target, f"{path} is no file", f"ls -l {path}")
            if info.st_uid not in (os.getuid(), 0) or info.st_mode & 0o077:
                raise _asked(target, f"others may read {path}", f"chmod 600 {path}")
            return file.read(LIMIT_BYTES + 2).decode("utf-8", "replace")
    except OSError as error:
        raise _asked(target, f"{path} cannot be read: {error.strerror}", f"ls -l {path}") from error


def _from_command(target: Target, line: str, run: Run) -> str:
    argv = shlex.split(line)
    by_hand = f"run it by hand: {shlex.join(argv)}"
    try:
        status, out, err = run(argv, COMMAND_SECONDS)
    except subprocess.TimeoutExpired:
        raise _asked(target, f"url_command ({argv[0]}) did not end within {COMMAND_SECONDS:g} s", by_hand) from None
    except OSError as error:
        raise _asked(target, f"url_command ({argv[0]}) cannot be started: {error.strerror}", by_hand) from error
    if status != 0:
        # never its stdout, which may be the URL; and it may tell that again on stderr
        said = Redactor(Secret(out[:LIMIT_BYTES].decode("utf-8", "replace").strip())).text(
            err.decode("utf-8", "replace").strip()
        )
        raise _asked(target, f"url_command ({argv[0]}) ended with {status}{': ' if said else ''}{said}", by_hand)
    return out[: LIMIT_BYTES + 2].decode("utf-8", "replace")


def _asked(target: Target, why: str, hint: str) -> AskOperator:
    return AskOperator(f"alerts target {target.name!r}: {why}", action="get its URL", hint=hint)
