"""The key table as lines for `?`, and as Markdown for the README."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from swarm_tui.keymap import KEYS, Danger, Key, Keymap, Scope, for_scope
from swarm_tui.present.line import Line, fit

TITLES: dict[Scope, str] = {
    "app": "Everywhere",
    "list": "In every list",
    "fleet": "Fleet",
    "heatmap": "Heat map",
    "host": "Host",
    "events": "Events",
    "exec": "Command output",
    "updates": "Updates",
    "plan": "Update plan",
    "run": "Update run",
    "runs": "Maintenance runs",
    "board": "Board of a run",
    "output": "Log of a host in a run",
    "runreport": "Report of a run",
    "named": "Named runs",
    "compose": "Composing a run",
    "dryrun": "Dry run",
    "backups": "Backups",
    "archives": "Archives",
    "browse": "Inside an archive",
    "versions": "Versions of a path",
    "hits": "Found paths",
    "changes": "Two archives",
    "preview": "Before a prune, a compaction or a healing",
    "job": "Backup job",
    "restore": "Restore",
    "drift": "Drift",
    "matrix": "Drift matrix",
    "health": "Health of the fleet",
    "hosthealth": "Health of a host",
    "finding": "Findings",
    "triage": "Triage",
    "triages": "Triage of several hosts",
    "sections": "What a host said",
    "bundles": "Kept triages",
    "differences": "Triage compared",
    "alerts": "Alerts",
    "alert": "An alert, or the marked ones",
    "problem": "One alert",
    "outbox": "Outbox",
    "silences": "Silences and maintenances",
    "handover": "Hand-over",
    "page": "Text",
    "dialog": "Dialogs",
}


def key_lines(
    scopes: Sequence[Scope], keymap: Keymap, reason_against: Callable[[Key], str], search: str = ""
) -> list[Line]:
    """The keys of these scopes in this order; those that do nothing now are greyed with the reason."""
    lines: list[Line] = []
    for scope in scopes:
        found = [key for key in for_scope(scope) if _matches(key, keymap, search)]
        if found:
            lines += [((TITLES[scope], "strong"),), *(_line(key, keymap, reason_against(key)) for key in found), ()]
    return lines or [(("No key matches.", "dim"),)]


def _matches(key: Key, keymap: Keymap, search: str) -> bool:
    words = f"{key.label} {key.help} {key.id} {keymap.all_shown(key.id)}".lower()
    return all(word in words for word in search.lower().split())


def _line(key: Key, keymap: Keymap, reason: str) -> Line:
    shown = fit(keymap.all_shown(key.id), 10)
    label = fit(key.label, 16)
    if reason:
        return ((f"  {shown}  {label}", "faint"), (reason, "faint"))
    return ((f"  {shown}  ", "key"), (label, "text"), (key.help, "dim"))


_DANGER = {
    Danger.READ: "",
    Danger.REVERSIBLE: "immediate",
    Danger.CHANGING: "asks",
    Danger.DESTRUCTIVE: "asks for a typed word",
}


def markdown() -> str:
    """The table for the README."""
    lines: list[str] = []
    keymap = Keymap()
    for scope, title in TITLES.items():
        keys = [key for key in KEYS if key.scope == scope]
        if keys:
            lines += ["", f"**{title}**", "", "| key | what it does | id |", "|---|---|---|"]
            lines += [_row(key, keymap) for key in keys]
    return "\n".join(lines).strip() + "\n"


def _row(key: Key, keymap: Keymap) -> str:
    shown = " ".join(f"`{part}`" if part != "`" else "`` ` ``" for part in keymap.all_shown(key.id).split())
    words = key.help or key.label
    tail = f" ({_DANGER[key.danger]})" if _DANGER[key.danger] else ""
    return f"| {shown} | {words.replace('|', chr(92) + '|')}{tail} | `{key.id}` |"
