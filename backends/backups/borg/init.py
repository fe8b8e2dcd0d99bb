"""`borg init`: makes a repository."""

from __future__ import annotations

from backends.backups.borg.dialect import Dialect
from backends.backups.borg.line import borg, repository
from backends.errors import BadInput

MODES = ("repokey", "repokey-blake2")
"""Authenticated and encrypted, the key in the repository: with key and passphrase in escrow nothing else is needed."""
LEAST_QUOTA_BYTES = 10_000_000
"""Borg refuses less."""


def argv(
    dialect: Dialect, location: str, *, encryption: str, append_only: bool = True, quota_bytes: int = 0
) -> tuple[str, ...]:
    """The command; the directories above the repository are made as well.

    Raises:
        BadInput: no such mode of encryption ("auto" must have been decided), or a quota under 10 MB.
    """
    del dialect  # the same in 1.2 and 1.4
    if encryption not in MODES:
        raise BadInput(f"no such encryption for a repository: {encryption!r}", hint=f"one of {', '.join(MODES)}")
    words = [*borg("init"), "--encryption", encryption, "--make-parent-dirs"]
    words += ["--append-only"] if append_only else []
    words += ["--storage-quota", quota(quota_bytes)] if quota_bytes else []
    return (*words, repository(location))


def quota(size: int) -> str:
    """Bytes as Borg takes a quota. Raises BadInput when Borg would refuse it."""
    if size < LEAST_QUOTA_BYTES:
        raise BadInput(f"a quota of {size} bytes is too small", hint=f"at least {LEAST_QUOTA_BYTES} bytes")
    return str(size)
