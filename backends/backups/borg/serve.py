"""`borg serve`: the repository's side of a connection, restricted to exactly one repository."""

from __future__ import annotations

from backends.backups.borg.dialect import Dialect
from backends.backups.borg.init import quota
from backends.errors import BadInput


def argv(
    dialect: Dialect | None, path: str, *, program: str = "borg", append_only: bool = True, quota_bytes: int = 0
) -> tuple[str, ...]:
    """The command. It speaks Borg's own protocol on stdin and stdout, so it gets no --log-json: its client asks for that.

    Args:
        dialect: of that Borg, when it is known.
        path: of the repository, absolute, on that machine. Restricted exactly, not as a prefix.
        program: Borg there.
        append_only: nothing that is stored can be overwritten or freed through this connection.
        quota_bytes: the most that may be stored; 0: as the repository is configured.

    Raises:
        BadInput: the path is not absolute; a quota under 10 MB.
    """
    del dialect  # the same in 1.2 and 1.4
    if not path.startswith("/") or "\0" in path:
        raise BadInput(f"not an absolute path: {path[:200]!r}")
    words = [program, "serve", *(["--append-only"] if append_only else []), f"--restrict-to-repository={path}"]
    return (*words, *(["--storage-quota", quota(quota_bytes)] if quota_bytes else []))
