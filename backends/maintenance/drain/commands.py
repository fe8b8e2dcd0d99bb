"""A scheduler that swarm-tui does not know: three commands of the site ask, drain and resume.

Their words are replaced one by one ({host}, {node}, {run}, {reason}); no shell reads them.
"""

from __future__ import annotations

import re

from backends.errors import RetryLater, SwarmError
from backends.execution import Exec
from backends.maintenance.drain.ask import Answers, words_of
from backends.maintenance.drain.base import Prior, Standing, node_name, reason_of
from backends.maintenance.drain.settings import DrainSettings
from backends.maintenance.worker import Place
from backends.text import clean_lines

IN_SERVICE, DRAINED = 0, 1
DRAINING = (2, 75)
"""75: sysexits' "try again"."""
STATES = {IN_SERVICE: "in service", DRAINED: "drained", **dict.fromkeys(DRAINING, "draining")}
LATER = 75
_WORDS = re.compile(r"\{(host|node|run|reason)\}")


class Commands:
    """Implements `Broker` with the site's own commands. They are to do nothing when told twice."""

    scheduler = "the site's command"
    names_author = False

    def __init__(self, settings: DrainSettings, exec_: Exec):
        self._settings = settings
        self._answers = Answers(exec_, silent=(), unknown=(), forbidden=(), scheduler=self.scheduler)

    def standing(self, place: Place) -> Standing:
        """From the exit status; the first line that it prints is shown. Raises RetryLater when it does not know."""
        done = self._answers.attempt(self._argv(place, self._settings.look), place.host.host)
        status = done.exit_status if done.exit_status is not None else -1
        if status not in STATES:
            raise RetryLater(
                f"{self._settings.look[0]} does not know ({status}): {words_of(done)}",
                host=place.host.host,
                action="ask how it stands",
                hint="it ends with 0 in service, 1 drained, 2 or 75 draining",
            )
        lines = clean_lines(done.stdout.decode("utf-8", "replace"), 4096, 300).strip().splitlines()
        said = lines[0] if lines else ""
        is_out = status != IN_SERVICE
        return Standing(
            node=self._node(place),
            state=STATES[status],
            drained=is_out,
            serving=not is_out,
            idle=status == DRAINED,
            reason=said if is_out else "",
            held_up=said if status in DRAINING else "",
        )

    def drain(self, place: Place, reason: str) -> None:
        self._tell(place, self._settings.drain, "drain")

    def progress(self, place: Place) -> Standing:
        return self.standing(place)

    def resume(self, place: Place, prior: Prior) -> None:
        self._tell(place, self._settings.resume, "resume")

    def hint(self, node: str) -> str:
        return f"see why {self._settings.look[0]} does not call it in service, then retry"

    def _tell(self, place: Place, words: tuple[str, ...], action: str) -> None:
        done = self._answers.attempt(self._argv(place, words), place.host.host)
        if done.exit_status == LATER:
            raise RetryLater(f"{words[0]}: {words_of(done)}", host=place.host.host, action=action)
        if done.exit_status != 0:
            raise SwarmError(
                f"{words[0]} ended with {done.exit_status}: {words_of(done)}", host=place.host.host, action=action
            )

    def _node(self, place: Place) -> str:
        return node_name(self._settings.node, place.host.host)

    def _argv(self, place: Place, words: tuple[str, ...]) -> list[str]:
        known = {
            "host": place.host.host,
            "node": self._node(place),
            "run": place.run.id,
            "reason": reason_of(place.run),
        }
        return [_WORDS.sub(lambda found: known[found[1]], word) for word in words]
