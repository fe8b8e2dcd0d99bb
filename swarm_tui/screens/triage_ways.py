"""Where a triage leads: what the host said, a difference, earlier bundles, a file to send, the host itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.errors import SwarmError
from backends.triage.model import Bundle
from backends.units import size
from swarm_tui.present.host_line import wrap
from swarm_tui.screens.base import BaseScreen
from swarm_tui.screens.confirm import AskLine
from swarm_tui.screens.menu import Choice, Menu
from swarm_tui.screens.triage_bundles import BundlesScreen
from swarm_tui.screens.triage_difference import DifferenceScreen
from swarm_tui.screens.triage_sections import SectionsScreen
from swarm_tui.triage_file import proposed, save

DIALOG_CELLS = 70
_ABOUT = "Masked once more: tokens and passwords in command lines, environments and logs. Only you can read the file."

if TYPE_CHECKING:
    _Base = BaseScreen
else:
    _Base = object


class TriageWays(_Base):
    """Actions about the bundle that is shown."""

    target: str
    bundle: Bundle | None
    number: int | None

    @property
    def step(self) -> int | None:
        """The step under the cursor."""
        raise NotImplementedError

    def action_open(self) -> None:
        if self.bundle is not None and self.step is not None:
            self.app.push_screen(SectionsScreen(self.bundle, self.step))

    def action_earlier(self) -> None:
        self.app.push_screen(BundlesScreen(self.target, self.number))

    def action_host(self) -> None:
        self.console.open_host(self.target)

    def action_ssh(self) -> None:
        self.console.open_ssh(self.target)

    # Difference -------------------------------------------------------------------------------------------------

    def action_difference(self) -> None:
        choices = [
            Choice("p", "peer", "a healthy peer", "same GPU model or group, as it was when last well"),
            Choice("n", "peer-now", "a healthy peer now", "one is asked; at most 17 s"),
            Choice("g", "last-good", "its last good bundle", "what changed on this host since"),
            Choice("l", "earlier", "another bundle of it", "from the list: d there"),
        ]
        self.app.push_screen(Menu(f"Compare bundle {self.number} with", [], choices), self._compare)

    def _compare(self, against: str | None) -> None:
        if against == "earlier":
            self.action_earlier()
        elif against is not None and self.bundle is not None and self.number is not None:
            self.app.push_screen(DifferenceScreen(self.bundle, self.number, against))

    # A file -----------------------------------------------------------------------------------------------------

    def action_save(self) -> None:
        bundle = self.bundle
        if bundle is not None:
            lines = wrap(_ABOUT, DIALOG_CELLS, 0, "dim")
            dialog = AskLine("Save the bundle as a tar, on this machine", lines, str(proposed(bundle)))
            self.app.push_screen(dialog, lambda written: self._save(bundle, written))

    def _save(self, bundle: Bundle, written: str | None) -> None:
        if written is None:
            return
        try:
            file, count = save(bundle, written)
        except SwarmError as error:
            self.console.failed(error)
        else:
            self.console.say(f"saved {file} ({size(count)}), masked, readable by you alone")
