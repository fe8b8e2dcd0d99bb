"""Judges `apt-get update` by what it says: with a dead mirror it ends with 0 unless told otherwise.

Signatures: gpgv (up to apt 2.x) says "invalid signature" both for expired keys and for a clock that is wrong, sqv (apt 3)
tells them apart. So the sentence asks to look at the clock first, unless the text itself rules it out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from backends.updates.apt_lock import refused_by
from backends.updates.apt_simulate import error_lines
from backends.updates.locks import words

CLOCK_FIRST = "check the host's clock first, then the key"

_SIGNATURE = re.compile(r"[WE]: (?:GPG error|OpenPGP signature verification failed): (\S+ \S+).*?: (.*)")
_FAILED = re.compile(r"[WE]: Failed to fetch (\S+)\s*(.*)")
_UNSIGNED = re.compile(r"E: The repository '(\S+ \S+)[^']*' (?:is not signed|does not have a Release file)\.?")
_NOT_YET = re.compile(r"E: Release file for (\S+) is not valid yet \(invalid for another ([^)]*)\).*")
_EXPIRED = re.compile(r"E: Release file for (\S+) is expired \(invalid since ([^)]*)\).*")
_CHANGED = re.compile(r"[EN]: Repository '(\S+ \S+)[^']*' changed its '([^']+)' value from '([^']*)' to '([^']*)'.*")
_KEY = re.compile(r"(?:NO_PUBKEY|Missing key) ([0-9A-F]{8,64})")
_EXPIRED_KEY = re.compile(r"EXPKEYSIG ([0-9A-F]{8,64})")
_NOT_LIVE = re.compile(r"Not live until (\S+)")
_SOME = "Some index files failed to download"


def judge(text: str, exit_status: int | None) -> tuple[str, ...]:
    """One sentence for each thing that is wrong with a refresh; nothing when all lists are new.

    Args:
        text: standard output and error.
        exit_status: None when it was ended by a signal or the link was lost.
    """
    found = dict.fromkeys(_sentences(text))
    if not found:
        found = dict.fromkeys(error_lines(text))
    if not found and _SOME in text:
        found = {"some lists could not be fetched; old ones are used instead": None}
    if not found and exit_status != 0:
        found = {f"apt-get update ended with {'a signal' if exit_status is None else f'status {exit_status}'}": None}
    return tuple(found)


def _sentences(text: str) -> Iterator[str]:
    holder = refused_by(text)
    if holder is not None:
        yield f"the lists are in use by {words(holder)}"
    blamed: set[str] = set()
    for line in text.splitlines():
        if found := _SIGNATURE.fullmatch(line):
            blamed.add(found[1])
            yield f"{found[1]}: {_signature(found[2])}"
        elif found := _UNSIGNED.fullmatch(line):
            if found[1] not in blamed:
                yield f"{found[1]}: is not signed"
        else:
            yield from _others(line)


def _others(line: str) -> Iterator[str]:
    for pattern, sentence in _PATTERNS:
        if found := pattern.fullmatch(line):
            yield sentence(found)
            return


def _signature(reason: str) -> str:
    if key := _KEY.search(reason):
        return f"signed with a key that is not trusted here: {key[1]}"
    if key := _EXPIRED_KEY.search(reason):
        return f"signed with an expired key: {key[1]}; {CLOCK_FIRST}"
    if live := _NOT_LIVE.search(reason):
        return f"signed in the future ({live[1]}): the host's clock is behind"
    return f"the signature is not valid ({reason.rstrip('.')}); {CLOCK_FIRST}"


def _fetch(found: re.Match[str]) -> str:
    reason = found[2].strip()
    if "Hash Sum mismatch" in reason:
        return f"{found[1]}: the mirror is out of sync, or the download is damaged"
    return f"{found[1]}: {reason or 'cannot be fetched'}"


_PATTERNS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (_FAILED, _fetch),
    (_NOT_YET, lambda found: f"{found[1]}: not valid for another {found[2]}: the host's clock is behind"),
    (
        _EXPIRED,
        lambda found: f"{found[1]}: too old since {found[2]}: the mirror is not kept up, or the host's clock is ahead",
    ),
    (_CHANGED, lambda found: f"{found[1]}: its {found[2]} changed from {found[3]} to {found[4]}: accept it by hand"),
)
