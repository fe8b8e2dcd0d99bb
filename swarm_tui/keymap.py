"""Every key of the console in one table: bindings, footer, `?` help, README and remapping derive from it.

A key's `id` is "scope.action"; a screen or widget of that scope has a method `action_<action>`. Scopes are layers: what
is in "app" works everywhere, "list" in every list, and a screen's own scope comes first.
Never bound, since terminals or multiplexers take them: ctrl+j m i h (Enter, Tab, Backspace), ctrl+b a s z, ctrl+space, alt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Literal, NamedTuple

from backends.errors import BadInput

Scope = Literal[
    "app",
    "list",
    "fleet",
    "heatmap",
    "host",
    "events",
    "exec",
    "updates",
    "plan",
    "run",
    "runs",
    "board",
    "output",
    "runreport",
    "named",
    "compose",
    "dryrun",
    "backups",
    "archives",
    "browse",
    "versions",
    "hits",
    "changes",
    "preview",
    "job",
    "restore",
    "drift",
    "matrix",
    "health",
    "hosthealth",
    "finding",
    "triage",
    "triages",
    "sections",
    "bundles",
    "differences",
    "alerts",
    "alert",
    "problem",
    "outbox",
    "silences",
    "handover",
    "page",
    "dialog",
]


class Danger(IntEnum):
    """How an action is confirmed."""

    READ = 0
    """Changes nothing: no question."""
    REVERSIBLE = 1
    """Immediate, with a toast."""
    CHANGING = 2
    """A dialog that lists the hosts and the commands; y answers, Enter does not."""
    DESTRUCTIVE = 3
    """The host's name or the number of hosts is typed."""


class Key(NamedTuple):
    """One action and the keys that reach it."""

    id: str
    keys: tuple[str, ...]
    """Textual's key names; the first is the one that is shown."""
    label: str
    """One to three words, for the footer."""
    scope: Scope
    help: str = ""
    """One sentence for `?`."""
    footer: int = 0
    """Rank in the footer, 1 first; 0 is not shown there."""
    danger: Danger = Danger.READ

    @property
    def action(self) -> str:
        """The name of the method without `action_`."""
        return self.id.split(".", 1)[1]


def _key(
    scope: Scope,
    action: str,
    keys: str,
    label: str,
    help_: str = "",
    footer: int = 0,
    danger: Danger = Danger.READ,
) -> Key:
    return Key(f"{scope}.{action}", tuple(keys.split()), label, scope, help_, footer, danger)


KEYS: tuple[Key, ...] = (
    _key("app", "mode_fleet", "1", "Fleet", "The hosts, worst first."),
    _key("app", "mode_alerts", "2", "Alerts", "One row a problem, the worst first."),
    _key("app", "mode_updates", "3", "Updates", "Pending updates, grouped by identical change sets."),
    _key("app", "mode_backups", "4", "Backups", "Sets, repositories and hosts."),
    _key("app", "mode_runs", "5", "Runs", "Maintenance runs: compose, follow, report."),
    _key("app", "mode_events", "6", "Events", "What happened, newest first."),
    _key("app", "command_line", "colon", "command", "The same words as on the command line, with completion.", 7),
    _key("app", "command_palette", "ctrl+p", "palette", "Find an action by its name."),
    _key("app", "help", "question_mark f1", "help", "All keys, searchable.", 9),
    _key("app", "previous_place", "grave_accent", "last place", "Back to where you were before."),
    _key("app", "back", "escape", "back", "Leave, or clear what was set last."),
    _key("app", "freeze", "p", "freeze", "Hold the picture still; the engine goes on watching."),
    _key("app", "poll", "R", "poll now", "Sample the marked hosts (or this one) now and retry what is down."),
    _key("app", "faster", "plus", "faster", "Sample more often; a replay plays faster."),
    _key("app", "slower", "minus", "slower", "Sample less often; a replay plays slower."),
    _key("app", "replay_back", "comma", "replay back", "A replay: ten seconds back. `:seek` goes anywhere."),
    _key("app", "replay_forward", "full_stop", "replay on", "A replay: ten seconds on."),
    _key("app", "replay_pause", "P", "pause replay", "A replay: hold it, or let it go on."),
    _key("app", "next_theme", "ctrl+t", "theme", "Next theme."),
    _key("app", "quit", "q ctrl+q", "quit", "Leave; the engine keeps running.", 10),
    _key("list", "cursor_down", "j down", "down"),
    _key("list", "cursor_up", "k up", "up"),
    _key("list", "cursor_first", "g home", "first"),
    _key("list", "cursor_last", "G end", "last"),
    _key("list", "page_down", "pagedown", "page down"),
    _key("list", "page_up", "pageup", "page up"),
    _key("list", "scroll_half_down", "ctrl+d", "scroll down", "Half a page, without moving the cursor."),
    _key("list", "scroll_half_up", "ctrl+u", "scroll up", "Half a page, without moving the cursor."),
    _key("fleet", "open", "enter", "open", "Open the host.", 1),
    _key(
        "fleet",
        "filter",
        "slash",
        "filter",
        "Live filter: text, !text, tag:a100, state:down, gpu>80, joined by & and ,",
        2,
    ),
    _key("fleet", "problems", "exclamation_mark", "problems", "Show only hosts with a problem.", 3),
    _key("fleet", "mark", "space", "mark", "Mark the host for actions.", 4),
    _key("fleet", "mark_range", "v", "mark range", "Start a range; v again marks it."),
    _key("fleet", "mark_all", "asterisk", "mark all", "Mark every host that is shown."),
    _key("fleet", "menu", "x", "actions", "What can be done with the marked hosts (or this one).", 5),
    _key(
        "fleet",
        "triage",
        "t",
        "triage",
        "Ask a sick host everything at once: a verdict within 15 s. Several: a matrix.",
        6,
    ),
    _key(
        "fleet",
        "maintain",
        "M",
        "maintenance",
        "Compose a run of the marked hosts, or this one; a dry run comes first.",
    ),
    _key("fleet", "heatmap", "h", "heat map", "Every GPU of the fleet in one picture.", 7),
    _key("fleet", "ssh", "s", "ssh", "A shell on the host; the console comes back afterwards.", 8),
    _key("fleet", "sort_next", "greater_than_sign", "sort right", "Sort by the next column."),
    _key("fleet", "sort_previous", "less_than_sign", "sort left", "Sort by the previous column."),
    _key("fleet", "sort_pick", "o", "sort by", "Pick the column to sort by its letter."),
    _key("fleet", "sort_reverse", "O", "reverse", "Reverse the order."),
    _key("fleet", "details", "d", "details", "Show or hide the details beside the list."),
    _key("fleet", "zoom", "z", "zoom", "The list or the details alone."),
    _key("fleet", "wide", "w", "wide", "More columns instead of the details."),
    _key("fleet", "yank", "y", "copy", "Then h host, s ssh line, r row, j JSON."),
    _key("fleet", "host_events", "e", "events", "The events of this host."),
    _key("heatmap", "move_left", "left", "left"),
    _key("heatmap", "move_right", "right", "right"),
    _key("heatmap", "move_down", "j down", "down"),
    _key("heatmap", "move_up", "k up", "up"),
    _key("heatmap", "first", "g home", "first"),
    _key("heatmap", "last", "G end", "last"),
    _key("heatmap", "metric_next", "m greater_than_sign", "metric", "Utilisation, memory, temperature or power.", 1),
    _key("heatmap", "metric_previous", "M less_than_sign", "metric back"),
    _key("heatmap", "next_problem", "n", "next problem", "Jump to the next GPU with a flag.", 2),
    _key("heatmap", "open", "enter", "open host", "Open the host of this GPU.", 3),
    _key("heatmap", "triage", "t", "triage", "Ask the host everything at once: a verdict within 15 s.", 4),
    _key("host", "previous_tab", "left_square_bracket", "back", "The tab to the left.", 1),
    _key("host", "next_tab", "right_square_bracket", "next tab", "The tab to the right.", 2),
    _key("host", "triage", "t", "triage", "Ask the host everything at once: a verdict within 15 s.", 3),
    _key("host", "window", "w", "window", "How far back the graphs reach.", 8),
    _key(
        "host", "details", "d", "details", "Why values are missing, evidence of verdicts, how the host is reached.", 4
    ),
    _key("host", "filter", "slash", "filter", "Live filter over processes or events: text, !text.", 5),
    _key("host", "signal", "x", "signal", "Send the process a signal.", 6, Danger.CHANGING),
    _key("host", "ssh", "s", "ssh", "A shell on the host; the console comes back afterwards.", 7),
    _key("host", "open", "enter", "open", "The selected GPU alone, with graphs."),
    _key("host", "host_events", "e", "events", "The events of this host."),
    _key("host", "yank", "y", "copy", "Then h host, s ssh line, r row, j JSON."),
    _key(
        "host", "ask_updates", "r", "ask again", "On the tabs Updates and Health: ask the host anew; changes nothing."
    ),
    _key("host", "renice", "n", "renice", "Change the process's priority.", 0, Danger.CHANGING),
    _key("host", "accept_key", "A", "accept key", "Trust the offered host key after comparing it.", 0, Danger.CHANGING),
    _key("host", "sort_next", "greater_than_sign", "sort right", "Sort by the next column."),
    _key("host", "sort_previous", "less_than_sign", "sort left", "Sort by the previous column."),
    _key("host", "sort_reverse", "O", "reverse", "Reverse the order."),
    _key("host", "zoom", "z", "zoom", "Hide everything but this pane."),
    _key(
        "events", "filter", "slash", "filter", "Live filter: text, !text, lane:kernel, kind:ack, severity:warning.", 1
    ),
    _key("events", "follow", "f", "follow", "Jump to the newest and stay there.", 2),
    _key("events", "open", "enter", "open host", "Open the host of this event.", 3),
    _key("events", "details", "d", "details", "All of the event's text.", 4),
    _key("events", "yank", "y", "copy", "Copy the event."),
    _key("events", "lane", "l", "next lane", "Only alerts, only the kernel, only changes, only what people did …"),
    _key("events", "lane_back", "L", "lane back", "The lane before."),
    _key("updates", "open", "enter", "details", "What exactly would change, or the run.", 1),
    _key("updates", "next_pivot", "right_square_bracket", "next view", "By package, by CVE, by host, the runs.", 2),
    _key("updates", "previous_pivot", "left_square_bracket", "view back"),
    _key("updates", "mark", "space", "mark", "Mark hosts, packages or CVEs for a plan.", 3),
    _key("updates", "mark_all", "asterisk", "mark all", "Mark everything that is shown."),
    _key("updates", "plan", "u", "plan", "Simulate exactly what would be done on the marked ones.", 4),
    _key("updates", "refresh", "r", "ask again", "Ask the hosts what waits there; changes nothing.", 5),
    _key(
        "updates", "lists", "L", "new lists", "Renew the package lists first (root on the hosts).", 6, Danger.REVERSIBLE
    ),
    _key(
        "updates",
        "hold",
        "o",
        "hold",
        "Hold the package, or release it, on the hosts that have it.",
        0,
        Danger.CHANGING,
    ),
    _key("updates", "history", "e", "history", "What changed on the host, when and by whom; roll back."),
    _key("updates", "repair", "x", "repair", "Cure a blocked host; the step is shown first.", 0, Danger.CHANGING),
    _key("updates", "filter", "slash", "filter", "Any text of a line: package, CVE, host.", 7),
    _key("updates", "yank", "y", "copy", "Copy the line."),
    _key("plan", "approve", "a", "approve", "Do exactly this, after a last question.", 1, Danger.CHANGING),
    _key("plan", "fetch", "f", "fetch ahead", "Only fetch the packages, ahead of a window.", 2, Danger.CHANGING),
    _key("plan", "yank", "y", "copy", "Copy the plan.", 3),
    _key("run", "open", "enter", "log", "What the host prints.", 1),
    _key("run", "cancel", "c", "cancel", "End the host's change where that is safe.", 2, Danger.CHANGING),
    _key("run", "repair", "x", "repair", "Run a repair step that is offered.", 3, Danger.CHANGING),
    _key("run", "yank", "y", "copy", "Copy the board."),
    _key("runs", "open", "enter", "board", "The live board of the run.", 1),
    _key("runs", "named", "n", "named run", "One of [[runs]] of the configuration; a dry run comes first.", 2),
    _key("runs", "compose", "c", "compose", "Choose hosts, steps and limits; a dry run comes first.", 3),
    _key("runs", "report", "o", "report", "Plan, approvals, timeline, what changed, what was skipped and why.", 4),
    _key("runs", "filter", "slash", "filter", "Any text of a line.", 5),
    _key("runs", "yank", "y", "copy", "Copy the line."),
    _key("board", "open", "enter", "log", "What the step prints on the host; a folded lane: its hosts.", 1),
    _key("board", "next_need", "n", "needs you", "To the next host that failed or asks.", 2),
    _key(
        "board",
        "answer",
        "a",
        "answer",
        "Say how a host that asks goes on; the words go into the report.",
        3,
        Danger.CHANGING,
    ),
    _key(
        "board",
        "hold",
        "P",
        "pause/go on",
        "Begin no more hosts, or go on after a pause or a stop.",
        4,
        Danger.REVERSIBLE,
    ),
    _key("board", "promote", "m", "next batch", "The canaries are fine: the next batch may begin.", 5, Danger.CHANGING),
    _key("board", "retry", "r", "retry", "The failed step of the host once more.", 6, Danger.CHANGING),
    _key("board", "skip", "x", "skip", "Leave the host out of the run.", 0, Danger.CHANGING),
    _key("board", "start", "s", "start", "Start the run that waits.", 0, Danger.DESTRUCTIVE),
    _key("board", "approve", "A", "approve", "Say yes to exactly this plan of somebody else.", 0, Danger.CHANGING),
    _key(
        "board",
        "abort",
        "X",
        "abort",
        "End it for good: what is in work is finished, never killed.",
        0,
        Danger.DESTRUCTIVE,
    ),
    _key("board", "undo", "u", "undo", "Take back the pause that was made here.", 0, Danger.REVERSIBLE),
    _key("board", "note", "N", "note", "Write into the report, about the host or the run.", 0, Danger.REVERSIBLE),
    _key("board", "report", "o", "report", "Plan, approvals, timeline, what changed, what was skipped and why."),
    _key("board", "host", "h", "host", "The host with its live numbers."),
    _key("board", "yank", "y", "copy", "Copy the board."),
    _key("output", "yank", "y", "copy", "Copy what was printed.", 1),
    _key("runreport", "save", "e", "save", "Write it as Markdown, or as JSON lines, on this machine.", 1),
    _key("runreport", "yank", "y", "copy", "Copy the Markdown.", 2),
    _key("runreport", "again", "r", "again", "Ask for it anew.", 3),
    _key("named", "open", "enter", "compose", "Its hosts, steps and limits; a dry run comes first.", 1),
    _key("named", "yank", "y", "copy", "Copy the line.", 2),
    _key("compose", "dry_run", "d", "dry run", "Work out what would happen; changes nothing.", 1),
    _key("compose", "edit", "enter", "edit", "Type the hosts, a step or a limit.", 2),
    _key("compose", "choose", "space", "in/out", "Put the step in, or leave it out.", 3),
    _key("compose", "right", "right", "next", "The next usual value.", 4),
    _key("compose", "left", "left", "value before"),
    _key("compose", "earlier", "less_than_sign", "earlier", "Move the step up.", 5),
    _key("compose", "later", "greater_than_sign", "later", "Move the step down."),
    _key("compose", "insert", "i", "add step", "A further step behind this one.", 6),
    _key("compose", "yank", "y", "copy", "Copy what was chosen."),
    _key("dryrun", "start", "s", "start", "Start exactly this plan, after a typed word.", 1, Danger.DESTRUCTIVE),
    _key(
        "dryrun",
        "keep",
        "w",
        "write down",
        "Make it a run that waits: for approvals, or for s on its board.",
        2,
        Danger.CHANGING,
    ),
    _key("dryrun", "yank", "y", "copy", "Copy what is shown.", 3),
    _key("backups", "open", "enter", "open", "The archives of a set or repository; the job.", 1),
    _key("backups", "next_side", "right_square_bracket", "next view", "Sets, repositories, jobs, concerns.", 2),
    _key("backups", "previous_side", "left_square_bracket", "view back"),
    _key("backups", "mark", "space", "mark", "Mark rows for an action.", 3),
    _key("backups", "mark_all", "asterisk", "mark all", "Mark everything that is shown."),
    _key("backups", "backup", "b", "back up", "Back up the marked sets, or this one, now.", 4, Danger.CHANGING),
    _key("backups", "restore", "r", "restore", "Bring back the newest archive; asks where to, changes nothing yet.", 5),
    _key("backups", "drift", "D", "drift", "What changed on the hosts since their last snapshot."),
    _key("backups", "find", "f", "find", "Find a file by its name in all archives."),
    _key("backups", "drill", "d", "drill", "Prove it: restore a sample and compare it.", 6, Danger.REVERSIBLE),
    _key("backups", "check", "c", "check", "Check the repository, as deep as chosen.", 0, Danger.REVERSIBLE),
    _key(
        "backups", "cancel", "x", "cancel", "End the job and keep its checkpoint; again: at once.", 0, Danger.CHANGING
    ),
    _key("backups", "log", "l", "log", "What Borg and the job said."),
    _key("backups", "about", "i", "about", "Everything about the row: proof, trust, problem, next step."),
    _key("backups", "prune", "P", "prune", "Show which archives would go; nothing is removed yet."),
    _key(
        "backups",
        "undo",
        "U",
        "undo prune",
        "Bring back what was pruned since the last compaction.",
        0,
        Danger.CHANGING,
    ),
    _key("backups", "compact", "C", "compact", "Show what becomes final; nothing is freed yet."),
    _key("backups", "heal", "H", "heal", "Plan the healing of a damaged repository."),
    _key("backups", "init", "I", "make", "Make the repository.", 0, Danger.CHANGING),
    _key("backups", "key", "K", "key", "Export the key, or record who keeps it.", 0, Danger.CHANGING),
    _key("backups", "lock", "L", "lock", "Who holds the repository, and whether that is still true."),
    _key("backups", "release", "F", "end freeze", "Let the repository be pruned again.", 0, Danger.CHANGING),
    _key("backups", "refresh", "R", "ask again", "Ask every repository what it holds."),
    _key("backups", "filter", "slash", "filter", "Any text of a line: set, host, repository, state.", 7),
    _key("backups", "yank", "y", "copy", "Copy the exact Borg command line."),
    _key("archives", "open", "enter", "browse", "What is in the archive.", 1),
    _key("archives", "restore", "r", "restore", "Bring back all of it; asks where to.", 2),
    _key("archives", "mark", "space", "mark", "Mark the archive to compare with.", 3),
    _key("archives", "diff", "equals_sign", "compare", "With the marked archive, else with the one before it.", 4),
    _key("archives", "prune", "P", "prune", "Show which archives would go; nothing is removed yet.", 5),
    _key(
        "archives",
        "baseline",
        "B",
        "baseline",
        "Pin this snapshot: drift can be shown against it.",
        0,
        Danger.REVERSIBLE,
    ),
    _key("archives", "find", "f", "find", "Find a file by its name in all archives."),
    _key("archives", "filter", "slash", "filter", "Any text of a line.", 6),
    _key("archives", "yank", "y", "copy", "Copy the archive's name as Borg takes it."),
    _key("browse", "open", "enter right", "open", "Into the directory; a file's versions.", 1),
    _key("browse", "parent", "left backspace", "parent", "Out of the directory."),
    _key("browse", "mark", "space", "mark", "Mark files and directories.", 2),
    _key("browse", "restore", "r", "restore", "Bring back the marked ones, or this one; asks where to.", 3),
    _key("browse", "history", "h", "history", "The path over all archives and repositories.", 4),
    _key("browse", "diff", "equals_sign", "compare", "The path with that of another archive.", 5),
    _key("browse", "find", "slash f", "find", "Find a file by its name in all archives of the host.", 6),
    _key("browse", "yank", "y", "copy", "Copy the path."),
    _key("versions", "open", "enter", "browse", "The archive, at this place.", 1),
    _key("versions", "restore", "r", "restore", "Bring back this version; asks where to.", 2),
    _key("versions", "diff", "equals_sign", "compare", "With the version before it.", 3),
    _key("versions", "yank", "y", "copy", "Copy archive and path as Borg takes them."),
    _key("hits", "open", "enter", "history", "All versions of the path.", 1),
    _key("hits", "restore", "r", "restore", "Bring back the newest version; asks where to.", 2),
    _key("hits", "find", "slash f", "find", "Another name.", 3),
    _key("hits", "yank", "y", "copy", "Copy the path."),
    _key("changes", "open", "enter", "diff", "The lines that differ, secrets masked.", 1),
    _key("changes", "filter", "slash", "filter", "Any text of a line.", 2),
    _key("changes", "yank", "y", "copy", "Copy the list."),
    _key("preview", "approve", "a", "approve", "Do exactly this, after a last question.", 1, Danger.DESTRUCTIVE),
    _key("preview", "mark", "space", "accept", "Accept the loss of an archive that nobody here removed.", 2),
    _key("preview", "yank", "y", "copy", "Copy what is shown.", 3),
    _key("job", "log", "l", "log", "What Borg and the job said.", 1),
    _key("job", "open", "enter", "browse", "What is in the archive that it made.", 2),
    _key("job", "keep", "c", "keep", "Keep what was restored: ends its timed way back.", 3, Danger.CHANGING),
    _key("job", "undo", "u", "put back", "Put back what the restore replaced.", 4, Danger.CHANGING),
    _key("job", "cancel", "x", "cancel", "End it and keep its checkpoint; again: at once.", 5, Danger.CHANGING),
    _key("job", "yank", "y", "copy", "Copy the exact Borg command line."),
    _key("restore", "preview", "enter", "preview", "Ask the host what is there, and show what would be done.", 1),
    _key("restore", "original", "o", "original", "To where it came from.", 2),
    _key("restore", "directory", "d", "directory", "To another directory.", 3),
    _key("restore", "host", "t", "host", "To another host.", 4),
    _key("restore", "conflict", "c", "if there", "Keep, rename or replace what is there.", 5),
    _key("restore", "approve", "a", "approve", "Do exactly this, after a last question.", 6, Danger.CHANGING),
    _key("restore", "yank", "y", "copy", "Copy the exact Borg command line."),
    _key("drift", "open", "enter", "diff", "The lines that differ, secrets masked.", 1),
    _key("drift", "against", "a", "against", "The last snapshot, the baseline, or another host.", 2),
    _key("drift", "restore", "r", "put back", "Plan the return of this one file.", 3),
    _key("drift", "matrix", "m", "matrix", "Hosts by facts: who stands apart.", 4),
    _key("drift", "baseline", "B", "baseline", "Pin the host's newest snapshot as its baseline.", 5, Danger.REVERSIBLE),
    _key("drift", "again", "c", "compare", "Ask the hosts again."),
    _key("drift", "filter", "slash", "filter", "Any part of a path.", 6),
    _key("drift", "yank", "y", "copy", "Copy the list."),
    _key("matrix", "open", "enter", "values", "Each value with the hosts that have it.", 1),
    _key("matrix", "left", "left", "hosts left", "The hosts to the left.", 2),
    _key("matrix", "right", "right", "hosts right", "The hosts to the right.", 3),
    _key("matrix", "yank", "y", "copy", "Copy the row."),
    _key("triage", "open", "enter right", "what it said", "All that the host said in this step.", 1),
    _key("triage", "difference", "d", "difference", "What differs from a healthy peer, or from when it was well.", 2),
    _key("triage", "yank", "y", "copy", "Copy the triage as Markdown, for a ticket.", 3),
    _key("triage", "save", "e", "save", "Write a tar without secrets, on this machine.", 4),
    _key("triage", "again", "r", "again", "Ask the host once more.", 5),
    _key("triage", "earlier", "l", "earlier", "The bundles of this host that are kept.", 6),
    _key("triage", "host", "h", "host", "The host with its live numbers."),
    _key("triage", "ssh", "s", "ssh", "A shell on the host; the console comes back afterwards."),
    _key("triages", "open", "enter right", "open", "The triage of this host.", 1),
    _key("triages", "yank", "y", "copy", "Copy the matrix as Markdown.", 2),
    _key("triages", "again", "r", "again", "Ask all of them once more.", 3),
    _key("sections", "search", "slash", "search", "Mark a text wherever it stands.", 1),
    _key("sections", "next_hit", "n", "next", "To the next place where it stands.", 2),
    _key("sections", "previous_hit", "N", "previous", "To the place before."),
    _key("sections", "next_step", "right_square_bracket", "next step", "What the host said in the next step.", 3),
    _key("sections", "previous_step", "left_square_bracket", "step back"),
    _key("sections", "yank", "y", "copy", "Copy what the host said in this step.", 4),
    _key("sections", "leave", "left", "back", "To the verdict."),
    _key("bundles", "open", "enter", "open", "The verdict of this bundle.", 1),
    _key("bundles", "difference", "d", "compare", "What differs between the open bundle and this one.", 2),
    _key("differences", "filter", "slash", "filter", "Any text of a line.", 1),
    _key("differences", "yank", "y", "copy", "Copy triage and difference as Markdown.", 2),
    _key("alerts", "open", "enter", "open", "Everything about the alert on one page.", 3),
    _key("alerts", "next_side", "right_square_bracket", "next view", "What is open; all; by rule; by host."),
    _key("alerts", "previous_side", "left_square_bracket", "view back"),
    _key(
        "alerts",
        "filter",
        "slash",
        "filter",
        "Any words of an alert, !word, rule:disk.space, host:gpu01, state:firing.",
        6,
    ),
    _key("alerts", "mark", "space", "mark", "Mark the alert for actions."),
    _key("alerts", "mark_range", "v", "mark range", "Start a range; v again marks it."),
    _key("alerts", "mark_all", "asterisk", "mark all", "Mark every alert that is shown."),
    _key("alerts", "yank", "y", "copy", "Copy the marked alerts, or this one, as Markdown."),
    _key("problem", "yank", "y", "copy", "Copy everything about the alert as Markdown."),
    _key("alert", "ack", "a", "ack", "Take in hand: repeats and escalation stop for 4 hours.", 1, Danger.REVERSIBLE),
    _key("alert", "note", "A", "ack + note", "Take in hand, and write why.", 0, Danger.REVERSIBLE),
    _key("alert", "undo", "u", "undo", "Give back what is in hand; end what silences it.", 0, Danger.REVERSIBLE),
    _key("alert", "snooze", "z", "snooze", "Take in hand for a chosen time.", 4, Danger.REVERSIBLE),
    _key("alert", "silence", "s", "silence", "Tell nobody, after a look at what that hides.", 2, Danger.REVERSIBLE),
    _key("alert", "escalate", "e", "escalate", "Tell the next level at once.", 5, Danger.CHANGING),
    _key("alert", "resolve", "r", "resolve", "End by hand what is about something that happened.", 0, Danger.CHANGING),
    _key(
        "alert",
        "mute",
        "M",
        "maintenance",
        "Tell nothing of its host for a time; a digest follows.",
        0,
        Danger.REVERSIBLE,
    ),
    _key("alert", "triage", "t", "triage", "Ask the host everything at once: a verdict within 15 s.", 3),
    _key("alert", "bundle", "b", "its triage", "The triage that was made when it fired."),
    _key("alert", "host", "h", "host", "The host with its live numbers."),
    _key("alert", "host_events", "E", "events", "The events of its host."),
    _key("alert", "health", "m", "health", "Hosts by checks."),
    _key("alert", "silences", "S", "silences", "Silences and maintenances; each can be ended early."),
    _key("alert", "outbox", "o", "outbox", "What became of each notice at each target."),
    _key("alert", "handover", "H", "hand-over", "The shift's hand-over as Markdown, to copy or send."),
    _key("outbox", "again", "r", "send again", "Send what was given up, or waits, at once.", 1, Danger.REVERSIBLE),
    _key("outbox", "test", "T", "test", "Send a test to a target, the whole way.", 2, Danger.REVERSIBLE),
    _key("outbox", "open", "enter", "details", "Attempts, reason, next try.", 3),
    _key("outbox", "next_side", "right_square_bracket", "next view", "What is not delivered; all.", 4),
    _key("outbox", "previous_side", "left_square_bracket", "view back"),
    _key("outbox", "filter", "slash", "filter", "Any words of a notice: target, host, state, reason.", 5),
    _key("outbox", "yank", "y", "copy", "Copy the notice."),
    _key("silences", "end", "x", "end now", "End it before its time.", 1, Danger.REVERSIBLE),
    _key("silences", "filter", "slash", "filter", "Any words of a line.", 2),
    _key("silences", "yank", "y", "copy", "Copy the list."),
    _key("handover", "yank", "y", "copy", "Copy the Markdown.", 1),
    _key("handover", "send", "E", "send", "Send it through a target.", 2, Danger.REVERSIBLE),
    _key("handover", "window", "w", "window", "How far back it looks.", 3),
    _key("health", "open", "enter", "all findings", "All that was found on the host.", 1),
    _key("health", "left", "left", "check left", "The check to the left."),
    _key("health", "right", "right", "check right", "The check to the right.", 2),
    _key("health", "mark", "space", "mark", "Mark the host for looking again."),
    _key("health", "mark_all", "asterisk", "mark all", "Mark every host that is shown."),
    _key("health", "problems", "exclamation_mark", "problems", "Only hosts with a problem.", 6),
    _key("health", "filter", "slash", "filter", "Any words of a host: name, state, what is wrong; !word leaves out."),
    _key("health", "yank", "y", "copy", "Copy what is wrong with the host, as Markdown."),
    _key("hosthealth", "open", "enter h", "host", "The host with its live numbers.", 1),
    _key("hosthealth", "yank", "y", "copy", "Copy what is wrong, as Markdown.", 2),
    _key("finding", "again", "r", "check now", "Look at the marked hosts, or this one, now.", 3),
    _key(
        "finding",
        "ack",
        "a",
        "ack",
        "Take it in hand, with a note, until it is well again: an A or an a in the matrix.",
        4,
        Danger.REVERSIBLE,
    ),
    _key(
        "finding", "clear", "c", "set healthy", "Settle it: what happened up to now counts no more.", 5, Danger.CHANGING
    ),
    _key("page", "yank", "y", "copy", "Copy all of it.", 1),
    _key("exec", "cancel", "c", "cancel", "Stop what is still running.", 1, Danger.REVERSIBLE),
    _key("exec", "again", "r", "run again", "The same command on the same hosts.", 2, Danger.CHANGING),
    _key("exec", "fold", "f", "fold", "Fold identical output, or show it host by host.", 3),
    _key("exec", "yank", "y", "copy", "Copy the shown result.", 4),
)

BY_ID: dict[str, Key] = {key.id: key for key in KEYS}

_SHOWN = {
    "slash": "/",
    "colon": ":",
    "question_mark": "?",
    "exclamation_mark": "!",
    "grave_accent": "`",
    "asterisk": "*",
    "plus": "+",
    "minus": "-",
    "greater_than_sign": ">",
    "less_than_sign": "<",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "escape": "Esc",
    "enter": "Enter",
    "space": "Space",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "home": "Home",
    "end": "End",
    "up": "Up",
    "down": "Down",
    "left": "Left",
    "right": "Right",
    "tab": "Tab",
    "comma": ",",
    "full_stop": ".",
    "semicolon": ";",
    "tilde": "~",
    "at": "@",
    "number_sign": "#",
    "dollar_sign": "$",
    "percent_sign": "%",
    "ampersand": "&",
    "equals_sign": "=",
    "underscore": "_",
    "vertical_line": "|",
}
_NAMES = {shown: name for name, shown in _SHOWN.items()}
_FORBIDDEN = frozenset(
    ["ctrl+j", "ctrl+m", "ctrl+i", "ctrl+h", "ctrl+b", "ctrl+a", "ctrl+s", "ctrl+z", "ctrl+c", "ctrl+space", "ctrl+at"]
)


def shown(key: str) -> str:
    """A key as people write it: "/" for "slash", "^P" for "ctrl+p", "F1"."""
    if key.startswith("ctrl+"):
        return "^" + key[5:].upper()
    if key.startswith("f") and key[1:].isdigit():
        return key.upper()
    return _SHOWN.get(key, key)


def for_scope(scope: Scope) -> tuple[Key, ...]:
    """The keys of one scope, in the table's order."""
    return tuple(key for key in KEYS if key.scope == scope)


def for_scopes(scopes: Iterable[Scope]) -> tuple[Key, ...]:
    """The keys of several scopes, the first scope first."""
    return tuple(key for scope in scopes for key in for_scope(scope))


def footer(keys: Iterable[Key], limit: int = 8) -> tuple[Key, ...]:
    """At most `limit` keys for the footer, best rank first; help and quit always keep their places at the end."""
    ranked = sorted((key for key in keys if key.footer), key=lambda key: key.footer)
    fixed = [key for key in ranked if key.id in ("app.help", "app.quit")]
    return tuple([key for key in ranked if key not in fixed][: limit - len(fixed)] + fixed)


NO_KEY = "no-key"
"""The name of no key: Textual takes an empty override for none, and would leave the key as it was."""


class Keymap:
    """The table with the operator's own keys laid over it."""

    def __init__(self, overrides: Mapping[str, str] | None = None):
        """`overrides` is `[console.keys]`: action id = "key[,key]".

        Raises:
            BadInput: an unknown id, an unusable key, or a key that would mean two things in one scope.
        """
        self._keys = dict.fromkeys(BY_ID, ()) | {key.id: key.keys for key in KEYS}
        for action, written in (overrides or {}).items():
            self._keys[_known(action)] = tuple(_parse(action, part) for part in written.split(",") if part.strip())
        _refuse_clashes(self._keys)
        self.overrides = {action: ",".join(self._keys[action]) or NO_KEY for action in overrides or {}}
        """What `App.set_keymap` takes."""

    def keys(self, action: str) -> tuple[str, ...]:
        """The keys that reach the action; empty when the operator took them all away."""
        return self._keys[action]

    def first(self, action: str) -> str:
        """The key to show, as people write it."""
        keys = self._keys[action]
        return shown(keys[0]) if keys else ""

    def all_shown(self, action: str) -> str:
        """All keys, as people write them, joined by blanks."""
        return " ".join(shown(key) for key in self._keys[action])


def _known(action: str) -> str:
    if action in BY_ID:
        return action
    import difflib

    near = difflib.get_close_matches(action, BY_ID, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "`swarm-tui config keys` lists the ids"
    raise BadInput(f"unknown action {action!r}", action="read [console.keys]", hint=hint)


def _parse(action: str, written: str) -> str:
    key = written.strip()
    key = _NAMES.get(key, key)
    if key in _FORBIDDEN or key.startswith("alt+"):
        raise BadInput(
            f"{written.strip()!r} cannot be used for {action}",
            action="read [console.keys]",
            hint="terminals and multiplexers take that key; choose another",
        )
    return key


def _refuse_clashes(keys: Mapping[str, tuple[str, ...]]) -> None:
    taken: dict[tuple[str, str], str] = {}
    for action, names in keys.items():
        for name in names:
            place = (BY_ID[action].scope, name)
            if place in taken:
                raise BadInput(
                    f"key {shown(name)!r} is bound to both {taken[place]} and {action}",
                    action="read [console.keys]",
                    hint="give one of them another key",
                )
            taken[place] = action
