"""Getting at the host from its screen: a shell, the clipboard, and trusting its key."""

from __future__ import annotations

from typing import Any

from backends.errors import SwarmError
from swarm_tui.present import host_export
from swarm_tui.screens.host_base import HostBase
from swarm_tui.screens.trust import ask_trust


class HostAccess(HostBase):
    """Gives the Host screen `ssh`, `yank` and `accept_key`."""

    def action_ssh(self) -> None:
        self.console.open_ssh(self.host)

    def action_yank(self) -> None:
        self._pending_yank = True
        self.refresh_frame()

    def on_key(self, event: Any) -> None:
        if not self._pending_yank or event.key == "y":
            return
        self._pending_yank = False
        if event.key in ("h", "s", "r", "j"):
            event.stop()
            event.prevent_default()
            text, what = host_export.copied(event.key, self.host, self.feed.detail, self._cursor_text())
            self.console.yank(text, what)
        self.refresh_frame()

    def _cursor_text(self) -> str:
        rows = (row for row in self.list.rows if row.key is not None and row.key == self.list.cursor)
        return host_export.row_text(next(rows, None))

    def action_accept_key(self) -> None:
        detail = self.feed.detail
        if detail is not None:
            ask_trust(self, detail, self._failed)

    def _failed(self, error: SwarmError) -> None:
        self.console.say(f"{error.message}{f' — {error.hint}' if error.hint else ''}", "error")
