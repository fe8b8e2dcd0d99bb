"""`borg key export` and `import`: the repository's key, for escrow. It is still locked by the passphrase."""

from __future__ import annotations

from typing import Literal

from backends.backups.borg.dialect import Dialect
from backends.backups.borg.line import borg, repository
from backends.errors import BadInput

Form = Literal["text", "paper", "qr"]
_OPTIONS: dict[Form, tuple[str, ...]] = {"text": (), "paper": ("--paper",), "qr": ("--qr-html",)}


def export_argv(dialect: Dialect, location: str, form: Form = "text", file: str = "") -> tuple[str, ...]:
    """The command. `file` is absolute; "": to stdout.

    Raises:
        BadInput: no such form, or a relative path.
    """
    del dialect  # the same in 1.2 and 1.4
    if form not in _OPTIONS:
        raise BadInput(f"no such form of a key: {form!r}", hint=f"one of {', '.join(_OPTIONS)}")
    return (*borg("key", "export"), *_OPTIONS[form], repository(location), *([_checked(file)] if file else []))


def import_argv(dialect: Dialect, location: str, file: str) -> tuple[str, ...]:
    """The command; replaces the key in the repository by the exported one in `file` (absolute). Raises BadInput."""
    del dialect  # the same in 1.2 and 1.4
    return (*borg("key", "import"), repository(location), _checked(file))


def _checked(file: str) -> str:
    if not file.startswith("/") or "\0" in file:
        raise BadInput(f"not an absolute path: {file[:200]!r}")
    return file
