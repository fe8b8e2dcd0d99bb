"""What can be done with the hosts of the fleet's list: the action menu, a shell, copying, and the places that lead further."""

from __future__ import annotations

import msgspec
from textual import events

from backends.engine.wire import HostDetail
from backends.inventory.ranges import fold
from backends.states import HostState
from swarm_tui.present import fleet
from swarm_tui.present.line import Line
from swarm_tui.screens.confirm import AskLine
from swarm_tui.screens.fleet_base import FleetBase
from swarm_tui.screens.menu import Choice, Menu
from swarm_tui.screens.trust import ask_trust

LATER = (("u", "update"),)
"""Letters and names of actions that come with later releases; the letters are theirs already."""


class HostActions(FleetBase):
    """Actions about `subject()`: the marked hosts, else the one under the cursor."""

    # Two-key actions --------------------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        """The second key of a pair: a column's letter, or what to copy. Any other key forgets the first."""
        pending, self.pending = self.pending, ""
        if not pending:
            return
        if event.character is not None and event.is_printable:
            event.stop()
            event.prevent_default()
            if pending == "sort":
                self.sort_by_letter(event.character)
            else:
                self._copy(event.character)
        self.refresh_frame()

    def pending_line(self) -> Line:
        """What the second key may be; empty when none is awaited."""
        if self.pending == "sort":
            return fleet.sort_choices(self.shown_columns())
        if self.pending == "yank":
            return fleet.copy_choices(len(self.subject()))
        return fleet.range_hint(len(self.table.range_names())) if self.table.range_start else ()

    def action_yank(self) -> None:
        self.pending = "yank"
        self.refresh_frame()

    def _copy(self, what: str) -> None:
        rows = [row for host in self.subject() if (row := self.console.fleet().rows.get(host)) is not None]
        one = len(rows) == 1
        if what == "h":
            self.console.yank("\n".join(row.name for row in rows), "the name" if one else f"{len(rows)} names")
        elif what == "s":
            self.console.yank("\n".join(f"swarm-tui ssh {row.name}" for row in rows), "the ssh line")
        elif what == "r":
            self.console.yank("\n".join(fleet.row_text(row) for row in rows), "the row" if one else f"{len(rows)} rows")
        elif what == "j":
            data: object = rows[0] if one else rows
            self.console.yank(msgspec.json.format(msgspec.json.encode(data), indent=2).decode(), "JSON")
        else:
            self.console.say(f"nothing to copy with {what}", "warning")

    # Going elsewhere --------------------------------------------------------------------------------------------

    def action_ssh(self) -> None:
        hosts = self.subject()
        if len(hosts) == 1:
            self.console.open_ssh(hosts[0])
        else:
            self.console.say("a shell opens on one host; Esc takes the marks away", "warning")

    def action_host_events(self) -> None:
        self.console.open_host(self.table.cursor, "events")

    def action_heatmap(self) -> None:
        self.console.open_heatmap(self.table.cursor)

    def action_triage(self) -> None:
        self._triage(self.subject())

    def action_maintain(self) -> None:
        self._maintain(self.subject())

    def _maintain(self, hosts: tuple[str, ...]) -> None:
        from swarm_tui.screens.run_compose import compose_for  # late, as above

        compose_for(self.app, fold(hosts))

    def _triage(self, hosts: tuple[str, ...]) -> None:
        from swarm_tui.screens.triage import open_triage  # late: the first picture does not need it

        open_triage(self.console, hosts)

    def _health(self, hosts: tuple[str, ...]) -> None:
        from swarm_tui.screens.health import HealthScreen  # late, as above
        from swarm_tui.screens.health_page import HealthPage

        self.app.push_screen(HealthPage(hosts[0]) if len(hosts) == 1 else HealthScreen())

    # The menu ---------------------------------------------------------------------------------------------------

    def action_menu(self) -> None:
        """The hosts are those of this moment: neither a re-sort nor a new mark can swap them."""
        hosts = self.subject()
        title = f"Actions for {hosts[0]}" if len(hosts) == 1 else f"Actions for {len(hosts)} hosts"
        about = fleet.named(hosts) if len(hosts) > 1 else []
        self.app.push_screen(Menu(title, about, self._choices(hosts)), lambda chosen: self._chosen(chosen, hosts))

    def _choices(self, hosts: tuple[str, ...]) -> list[Choice]:
        single = "" if len(hosts) == 1 else "for one host"
        changing = "read-only" if self.console.read_only else ""
        row = self.console.fleet().rows.get(hosts[0])
        waits = row is not None and row.state in (HostState.HOST_KEY_UNKNOWN, HostState.HOST_KEY_CHANGED)
        key = single or changing or ("" if waits else "no key waits")
        return [
            Choice("p", "poll", "poll now", "sample now; retry what is down"),
            Choice("s", "ssh", "shell", "ssh, and back here", single),
            Choice("t", "triage", "triage", "ask everything at once: a verdict within 15 s"),
            Choice("h", "health", "health checks", "all that was found; of several hosts the matrix"),
            Choice("e", "exec", "run a command", "on all of them, equal answers folded", changing),
            Choice("a", "accept", "accept the host key", "after comparing the fingerprint", key),
            Choice("r", "reboot", "reboot", "after asking whether they would come back", changing),
            Choice("b", "backup", "back up", "every set of theirs, after a question", changing),
            Choice("m", "maintain", "maintenance run", "drain, patch, reboot, prove, give back; a dry run first"),
            *(Choice(letter, word, word, "", "not part of this release") for letter, word in LATER),
        ]

    def _chosen(self, chosen: str | None, hosts: tuple[str, ...]) -> None:
        if chosen == "poll":
            self.console.poll(hosts)
        elif chosen == "ssh":
            self.console.open_ssh(hosts[0])
        elif chosen == "triage":
            self._triage(hosts)
        elif chosen == "health":
            self._health(hosts)
        elif chosen == "exec":
            self._ask_command(hosts)
        elif chosen == "reboot":
            from swarm_tui.screens.reboot import ask_reboot  # late: the first picture does not need it

            ask_reboot(self, hosts)
        elif chosen == "backup":
            from swarm_tui.screens.backup_fleet import ask_backup  # late, as above

            ask_backup(self, hosts)
        elif chosen == "maintain":
            self._maintain(hosts)
        elif chosen == "accept":
            failed = self.console.failed
            params = {"host": hosts[0]}
            self.console.link.request("host.get", params, HostDetail, lambda got: ask_trust(self, got, failed), failed)

    def _ask_command(self, hosts: tuple[str, ...]) -> None:
        def run(text: str | None) -> None:
            if text:
                self.console.start_exec(",".join(hosts), ["sh", "-c", text])

        title = f"Run a command on {hosts[0] if len(hosts) == 1 else f'{len(hosts)} hosts'}"
        about = [*fleet.named(hosts), (), (("It runs as `sh -c LINE` on each host.", "dim"),)]
        self.app.push_screen(AskLine(title, about), run)
