"""How long an answer of the engine may take: methods that run Borg or ask hosts before they answer, and all others."""

from __future__ import annotations

QUICK_SECONDS = 10.0
SLOW_SECONDS = 660.0
"""Package managers, Borg, disks and hosts take their time; the engine itself gives up earlier and says why."""

SLOW: frozenset[str] = frozenset(
    [
        *(
            f"updates.{name}"
            for name in ("plan", "hold", "history", "rollback", "repairs", "repair", "cancel", "start")
        ),
        *(f"updates.{name}" for name in ("services", "restart", "gate", "reboot")),
        *(f"backups.{name}" for name in ("search", "diff", "file_diff", "start", "refresh")),
        *(f"backups.{name}" for name in ("prune_preview", "prune", "undo", "compact_preview", "compact", "heal_plan")),
        *(f"backups.{name}" for name in ("restore_plan", "restore", "restore_confirm", "restore_undo", "restore_file")),
        *(f"backups.{name}" for name in ("heal", "lock", "break_lock", "key_export", "escrow")),
        *(f"runs.{name}" for name in ("compose", "create", "start", "output", "report")),
        *(f"triage.{name}" for name in ("run", "difference")),
        *(f"backups.{name}" for name in ("drift", "drift_diff", "drift_matrix", "pin")),
    ]
)
"""They must not hold up the questions that keep a screen live."""


def seconds(method: str) -> float:
    """How long to wait for the answer."""
    return SLOW_SECONDS if method in SLOW else QUICK_SECONDS
