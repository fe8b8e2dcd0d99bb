"""What each way of getting data into a repository would give to somebody who has taken over the host."""

from __future__ import annotations

from backends.backups.model import Transport

_OWN = "its own backups, while one runs: read them, and add to them"
_SAID = {
    Transport.LOCAL: (
        "This machine keeps the passphrase and reaches the repository: whoever takes it over can read and delete the backups."
    ),
    Transport.RELAY: (
        f"A stolen host could use {_OWN}, never free anything; it holds no key, no address and no passphrase on its disk."
    ),
    Transport.PUSH: (
        f"A stolen host could use {_OWN}, never free anything; its key lives in memory, works for this repository only, "
        "and ends with the run."
    ),
    Transport.TAR: "A stolen host could send false files; it has no way to the repository and never sees a passphrase.",
}


def said(transport: Transport) -> str:
    """One or two sentences for a person."""
    return _SAID[transport]
