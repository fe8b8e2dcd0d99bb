"""Can somebody still get in? Tried after a change of what logins are made of, while the old session stays open.

A host whose sshd, PAM or sudo is broken looks well as long as nobody logs in anew (reference: patching §3), and then nobody
can mend it over the network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from backends.errors import RetryLater, SkipHost, SwarmError
from backends.execution import Exec, ExecResult
from backends.metrics.sample import Record
from backends.text import clean
from backends.updates.model import Change, PackageClass

LogIn = Callable[[str], str]
"""host → how a new login was let in. Raises SwarmError; SkipHost where there is none to try."""
TRIES_SECONDS = (2.0, 5.0)
"""Waits before a login that got no answer is tried again: sshd was just restarted, or is busy."""
NO_SSHD, NOT_ROOT = 86, 87
SSHD_TEST = (
    "sh",
    "-c",
    "PATH=$PATH:/usr/sbin:/sbin; command -v sshd >/dev/null || exit 86; "
    '[ "$(id -u)" -eq 0 ] || exit 87; exec "$(command -v sshd)" -t',
)
"""sshd insists on being called by its full path; without root it cannot read its keys, which proves nothing."""
SSHD_WORDS = ("sshd -t was not run", "sshd -t could not be run")
LOGIN_WORDS = ("no new login was tried", "A NEW LOGIN FAILS (mend it over a session that is still open)")
SECONDS = 30.0
TEXT = 200


class Access(Record, frozen=True, kw_only=True):
    """What was found."""

    problems: tuple[str, ...] = ()
    """Each means: the next login may fail, so mend it over the session that is still open."""
    notes: tuple[str, ...] = ()


def touched(changes: Sequence[Change]) -> bool:
    """Whether what logins are made of (openssh, PAM, sudo, sssd, the network's set-up) changes."""
    return any(change.package_class is PackageClass.ACCESS for change in changes)


def check(host: Exec, log_in: LogIn, wait: Callable[[float], object]) -> Access:
    """Test sshd's configuration and log in anew. Never raises for what the host answers. `wait` lets seconds pass."""
    tested = _patiently(lambda: judge_sshd(host.run(SSHD_TEST, timeout_seconds=SECONDS)), SSHD_WORDS, wait)
    entered = _patiently(lambda: _entered(log_in(host.host)), LOGIN_WORDS, wait)
    return Access(problems=(*tested.problems, *entered.problems), notes=(*tested.notes, *entered.notes))


def judge_sshd(result: ExecResult) -> Access:
    """What SSHD_TEST says."""
    if result.exit_status == 0:
        return Access(notes=("sshd -t finds nothing wrong",))
    if result.exit_status == NO_SSHD:
        return Access(notes=("sshd -t: there is no sshd",))
    if result.exit_status == NOT_ROOT:
        return Access(notes=("sshd -t: needs root",))
    lines = result.stderr[:8192].decode("utf-8", "replace").strip().split("\n")
    said = clean(lines[-1], TEXT) or f"exit {result.exit_status}"
    return Access(problems=(f"sshd would not start with its configuration: {said}",))


def nowhere(host: str) -> str:
    """For engines without a way to log in."""
    raise SkipHost("there is no login to try here", host=host)


def _entered(how: str) -> Access:
    return Access(notes=(f"a new login works ({clean(how, TEXT)})",))


def _patiently(ask: Callable[[], Access], words: tuple[str, str], wait: Callable[[float], object]) -> Access:
    """What `ask` finds; tried again while the host does not answer. `words`: for what cannot be asked, for what fails."""
    skipped, failed = words
    left = list(TRIES_SECONDS)
    while True:
        try:
            return ask()
        except SkipHost as error:
            return Access(notes=(f"{skipped}: {error.message}",))
        except SwarmError as error:
            if not isinstance(error, RetryLater) or not left:
                return Access(problems=(f"{failed}: {error.message}",))
        wait(left.pop(0))
