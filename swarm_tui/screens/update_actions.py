"""What can be done from the Updates screen: ask hosts, make a plan, hold packages, look back, repair."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from backends.inventory.ranges import fold
from backends.updates.model import PackageClass, Plan, Selection
from backends.updates.service import View
from swarm_tui.present import updates
from swarm_tui.present.host_line import wrap
from swarm_tui.present.line import Line
from swarm_tui.present.updates import PIVOTS, Pivot, Row
from swarm_tui.screens.base import BaseScreen
from swarm_tui.screens.listing import Listing
from swarm_tui.screens.menu import Choice, Menu
from swarm_tui.screens.update_details import history_dialog
from swarm_tui.screens.update_plan import PlanScreen
from swarm_tui.screens.update_repair import offer

NEEDS_DRAIN = frozenset({PackageClass.KERNEL, PackageClass.GPU_DRIVER, PackageClass.FABRIC})


class UpdateActions(Listing, BaseScreen):
    """The rows, the marks and what is done with them; the screen draws."""

    def __init__(self) -> None:
        super().__init__()
        self.pivot: Pivot = "sets"
        self.needle = ""
        self.marks: dict[Pivot, set[str]] = {pivot: set() for pivot in PIVOTS}
        self._view: View | None = None
        self._asked = -1e9
        self._planning = False
        self._plan: Plan | None = None
        """Made while the operator looked elsewhere."""
        self._rows: list[Row] = []

    @property
    def _marked_as(self) -> Pivot:
        """Change sets and hosts share their marks: both mean hosts."""
        return "hosts" if self.pivot == "sets" else self.pivot

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return next((row for row in self._rows if row.key == self.list.cursor), None)

    def subject(self) -> tuple[str, ...]:
        marked = self.marks["hosts"] if self._marked_as == "hosts" else set()
        return tuple(sorted(marked)) or (self.current.hosts if self.current else ())

    # Asking hosts -----------------------------------------------------------------------------------------------

    def action_refresh(self) -> None:
        self._refresh(lists=False)

    def action_lists(self) -> None:
        self._refresh(lists=True)

    def _refresh(self, lists: bool) -> None:
        marked = sorted(self.marks["hosts"])
        what = updates.hosts(len(marked)) if marked else "every host"
        done = f"asking {what}" + (" after renewing the package lists" if lists else "")
        params = {"select": ",".join(marked), "lists": lists}
        self._asked = -1e9
        self.console.link.request(
            "updates.refresh", params, dict, lambda _: self.console.say(done), self.console.failed
        )

    # Plans ------------------------------------------------------------------------------------------------------

    def action_plan(self) -> None:
        hosts, base = self._wanted()
        choices = [
            Choice("a", "all", "everything", "every update that is not held"),
            Choice("s", "security", "security fixes only", "pinned to the newest security version"),
            Choice("c", "calm", "without kernel and GPU driver", "nothing that needs a drained host"),
        ]
        if base.packages or base.cves:
            choices = [Choice("a", "all", "exactly the marked ones", ", ".join(base.packages or base.cves)[:60])]
        about: list[Line] = [((f"On {updates.hosts(len(hosts))}; this only simulates.", "dim"),)]
        self.app.push_screen(Menu("Make a plan", about, choices), self._planner(hosts, base))

    def _wanted(self) -> tuple[tuple[str, ...], Selection]:
        """The hosts and what is chosen of their updates, from the marks or the row under the cursor."""
        row = self.current
        if self.pivot in ("sets", "hosts") or row is None:
            return self.subject(), Selection()
        names = tuple(sorted(self.marks[self.pivot])) or row.names
        hosts = {host for each in self._rows if set(each.names) & set(names) for host in each.hosts}
        base = Selection(packages=names) if self.pivot == "packages" else Selection(cves=names)
        return tuple(sorted(hosts)), base

    def _planner(self, hosts: tuple[str, ...], base: Selection) -> Callable[[str | None], None]:
        def chosen(choice: str | None) -> None:
            if choice is None or not hosts:
                return
            selection: dict[str, Any] = {"packages": base.packages, "cves": base.cves}
            selection["security_only"] = choice == "security"
            if choice == "calm":
                selection["classes"] = [each.value for each in PackageClass if each not in NEEDS_DRAIN]
            self._planning = True
            self.refresh_frame()
            params = {"select": ",".join(hosts), "selection": selection}
            self.console.link.request("updates.plan", params, Plan, self._planned, self._not_planned)

        return chosen

    def _planned(self, plan: Plan) -> None:
        self._planning, self._plan = False, plan
        if self.is_current:
            self.show_plan()
        else:
            self.console.say("the plan is ready: it opens on the Updates screen")

    def show_plan(self) -> None:
        """Open the plan that was made; never over what the operator went to meanwhile."""
        plan, self._plan = self._plan, None
        if plan is not None:
            self.app.push_screen(PlanScreen(plan))

    def _not_planned(self, error: Any) -> None:
        self._planning = False
        self.console.failed(error)
        self.refresh_frame()

    # Holds, history ---------------------------------------------------------------------------------------------

    def action_hold(self) -> None:
        names = tuple(sorted(self.marks["packages"])) or (self.current.names if self.current else ())
        choices = [
            Choice("h", "hold", "hold", "keep at their present version"),
            Choice("r", "release", "release", "let them be updated again"),
        ]
        hosts = tuple(sorted({host for each in self._rows if set(each.names) & set(names) for host in each.hosts}))
        about = wrap(f"{', '.join(names)} on {fold(hosts)} ({len(hosts)})", 70, 2)
        about += wrap("Of a GPU driver's packages all are meant: they move as one.", 70, 0, "dim")

        def chosen(choice: str | None) -> None:
            if choice is None:
                return
            params = {"select": ",".join(hosts), "packages": list(names), "hold": choice == "hold"}
            self.console.link.request(
                "updates.hold", params, dict[str, dict[str, str]], self._held, self.console.failed
            )

        self.app.push_screen(Menu("Hold or release", about, choices), chosen)

    def _held(self, answer: dict[str, dict[str, str]]) -> None:
        said = answer.get("hosts", {})
        wrong = [f"{host}: {words}" for host, words in said.items() if not words.startswith(("held", "released"))]
        done = f"done on {updates.hosts(len(said))}"
        self.console.say("; ".join(wrong[:3]) or done, "warning" if wrong else "information")

    def action_history(self) -> None:
        self.app.push_screen(history_dialog(self.subject()[0], self._planned))

    def action_repair(self) -> None:
        offer(self.console, self.app, self.subject()[0])
