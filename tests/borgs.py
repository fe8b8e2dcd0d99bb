"""The Borgs that tests run: the distribution's (1.2 on Debian 12) and a 1.4 that `scripts/setup tests` builds."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from backends.backups.borg.dialect import Dialect

BORG_12 = shutil.which("borg", path="/usr/bin:/bin") or "/usr/bin/borg"
"""The distribution's."""
DIALECT_12 = Dialect(major=1, minor=2, patch=4)
DIALECT_14 = Dialect(major=1, minor=4, patch=5)
DIALECTS = (DIALECT_12, DIALECT_14)

_CHECKOUT = Path(__file__).resolve().parent.parent
_BUILT = _CHECKOUT / ".borg-venv" / "bin" / "borg"
_REASON = _CHECKOUT / ".setup-borg"


def borg_12() -> str:
    """The distribution's Borg; skips where there is none."""
    if not Path(BORG_12).exists():
        pytest.skip("no borg here: scripts/setup installs it")
    return BORG_12


def borg_14() -> str:
    """The built Borg 1.4; skips, and says why, where it could not be built."""
    if not _BUILT.exists():
        why = _REASON.read_text().strip() if _REASON.exists() else "not built: run scripts/setup tests"
        pytest.skip(f"no Borg 1.4: {why}")
    return str(_BUILT)


def borgs() -> tuple[str, ...]:
    """Every Borg that is here, at least one; skips without any."""
    return (borg_12(), *([str(_BUILT)] if _BUILT.exists() else []))
