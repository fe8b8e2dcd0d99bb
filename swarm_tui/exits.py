"""Exit statuses of all subcommands; a public contract, as monitoring plugins have it.

0 ok · 1 warning · 2 critical or failed · 3 unknown (nothing could be learned) · 64 usage · 130 interrupted
"""

from __future__ import annotations

from backends.states import Severity

OK, WARNING, FAILED, UNKNOWN, USAGE, INTERRUPTED = 0, 1, 2, 3, 64, 130

STATUS_OF: dict[Severity, int] = {
    Severity.OK: OK,
    Severity.WARNING: WARNING,
    Severity.CRITICAL: FAILED,
    Severity.UNKNOWN: UNKNOWN,
}
"""How a severity ends a command."""
