"""The manual gate."""

from __future__ import annotations

import pytest

from backends.errors import AskOperator
from backends.maintenance import facts
from backends.maintenance.steps.gate import GateWorker
from backends.maintenance.worker import Told
from tests.unit.maintenance.steps.places import place


def test_it_asks_its_question_until_somebody_answers() -> None:
    with pytest.raises(AskOperator, match="look at the fans"):
        GateWorker().begin(place("gate:look at the fans"))
    with pytest.raises(AskOperator, match="may it go on"):
        GateWorker().begin(place("gate", reason="  "))


def test_the_answer_is_its_end_and_stands_in_the_report() -> None:
    here = place("gate:look at the fans", reason="they turn")
    look = GateWorker().look(here, GateWorker().begin(here))
    assert look.told is Told.DONE and look.facts == {facts.ANSWER: "they turn"}
