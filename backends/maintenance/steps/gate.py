"""The manual gate: a host waits until a person says that it goes on."""

from __future__ import annotations

from backends.errors import AskOperator
from backends.maintenance import facts
from backends.maintenance.worker import Look, Place, Told

QUESTION = "may it go on?"


class GateWorker:
    """Asks once; the answer is the end of it."""

    def begin(self, place: Place) -> str:
        """The token, once somebody has answered. Raises AskOperator before."""
        if not place.reason.strip():
            question = place.step.argument or QUESTION
            raise AskOperator(
                question, host=place.host.host, hint="look at the host, then answer; skip leaves it as it is"
            )
        return "answered"

    def look(self, place: Place, token: str) -> Look:
        """It is over when it is answered."""
        if not place.reason.strip():
            return Look(told=Told.ASKING, state="asks", text=place.step.argument or QUESTION, hint="answer it")
        return Look(told=Told.DONE, text=f"answered: {place.reason}", facts={facts.ANSWER: place.reason})

    def output(self, place: Place, token: str) -> str:
        """Nothing runs anywhere."""
        return ""
