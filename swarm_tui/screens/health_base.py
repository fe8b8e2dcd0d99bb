"""What the screens about health share: looking again, taking a finding in hand, settling it."""

from __future__ import annotations

from typing import Any

from backends.checks.health_views import HostChecks
from swarm_tui.keymap import Key
from swarm_tui.screens.base import BaseScreen
from swarm_tui.screens.confirm import Confirm
from swarm_tui.screens.listing import Listing


class HealthBase(Listing, BaseScreen):
    """The screens say which host and finding are meant."""

    MODE = "fleet"

    # What a screen provides -------------------------------------------------------------------------------------

    @property
    def host(self) -> str:
        """The host that is meant; "" for none."""
        return ""

    def finding_key(self) -> str:
        """The finding that is meant, by its key; "" when nothing is wrong there."""
        return ""

    def known(self) -> HostChecks | None:
        """What is known of that host."""
        return None

    def look_again(self) -> None:
        """Ask the engine anew at the next moment."""

    def draw(self) -> None:
        """Bring the screen up to date."""

    # Shared -----------------------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Epoch seconds, as the engine has them."""
        return self.console.fleet().time(self.console.monotonic())

    def draw_if_shown(self) -> None:
        if self.is_current:
            self.draw()
            self.refresh_frame()

    async def leave(self) -> None:
        """Back to where this was opened from."""
        app: Any = self.app
        await app.action_back()

    def refusal(self, key: Key) -> str:
        if key.id in ("finding.ack", "finding.clear"):
            if self.console.read_only:
                return "read-only"
            return "" if self.finding_key() else "nothing is wrong here"
        return ""

    def action_again(self) -> None:
        hosts = self.subject()

        def begun(answer: dict[str, tuple[str, ...]]) -> None:
            count = len(answer.get("hosts", ()))
            self.console.say(f"checking {count} hosts" if count != 1 else "checking the host")
            self.look_again()

        params = {"select": ",".join(hosts)}
        self.console.link.request("checks.run", params, dict[str, tuple[str, ...]], begun, self.console.failed)

    def action_ack(self) -> None:
        """Its note may be left empty."""
        self.ask("note: ", "", lambda note: self._act("ack", note, "is in hand until it is well again"))

    def action_clear(self) -> None:
        check, _, thing = self.finding_key().partition("\x1f")
        lines: list[Any] = [
            ((f"{check} {thing} on {self.host}", "text"),),
            (("What happened up to now counts no more; the host is looked at again.", "dim"),),
        ]
        question = Confirm("Set it healthy?", lines)
        self.app.push_screen(question, lambda yes: self._act("clear", "", "is set healthy") if yes else None)

    def _act(self, method: str, note: str, said: str) -> None:
        check, _, thing = self.finding_key().partition("\x1f")

        def done(_: object) -> None:
            self.console.say(f"{check} {thing} {said}".replace("  ", " "))
            self.look_again()

        params = {"host": self.host, "check": check, "object": thing, "note": note.strip()}
        self.console.link.request(f"checks.{method}", params, Any, done, self.console.failed)
