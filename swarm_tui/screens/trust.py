"""The question whether a host key is to be trusted: it shows the fingerprint, and a changed key wants the host's name typed."""

from __future__ import annotations

from collections.abc import Callable

from backends.engine.wire import HostDetail
from backends.errors import SwarmError
from backends.states import HostState
from swarm_tui.present import host_absent
from swarm_tui.present.host_line import Frame
from swarm_tui.screens.base import BaseScreen
from swarm_tui.screens.confirm import Confirm, ConfirmTyped

_CELLS = 72


def ask_trust(screen: BaseScreen, detail: HostDetail, failed: Callable[[SwarmError], None]) -> None:
    """Ask, and tell the engine when the answer is yes. Without an offered key it says so."""
    offered, host = detail.offered_key, detail.row.name
    if offered is None:
        screen.console.say(f"{host}: no host key waits for a decision", "warning")
        return
    lines = [*host_absent.key_lines(offered, _CELLS), (), *host_absent.advice(detail, Frame(_CELLS, 20))[-2:]]
    if offered.changed or detail.row.state is HostState.HOST_KEY_CHANGED:
        title = f"The host key of {host} CHANGED. Trust the new one?"
        dialog: Confirm | ConfirmTyped = ConfirmTyped(title, lines, host)
    else:
        dialog = Confirm(f"Trust this host key of {host}?", lines)

    def answered(yes: bool | None) -> None:
        if yes:
            params = {"host": host, "fingerprint": offered.fingerprint}
            said = f"{host}: host key {offered.fingerprint} is trusted now, connecting"
            screen.console.link.request("hosts.accept_key", params, dict, lambda _: screen.console.say(said), failed)

    screen.app.push_screen(dialog, answered)
