"""What readings may bring in: texts are cleaned and bounded, and so is the number of things that one host can name."""

from __future__ import annotations

from msgspec.structs import replace

from backends.alerts.model import Reading, Truth
from backends.states import Severity
from backends.text import clean

OVERFLOW = "alerts.overflow"
"""The rule about a host of which more is wrong at once than is kept."""
MOST_OF_A_HOST = 256
"""Alerts held of one host: what names things (units, mounts) is in the hands of the host."""
_TEXT, _LINES, _OBJECT = 500, 20, 200


def cleaned(reading: Reading) -> Reading:
    """Bounded and safe to show; what is plain already, as nearly all is, is returned as it is."""
    texts = (reading.text, reading.object, reading.advice, *reading.evidence)
    if all(text.isprintable() and len(text) <= _OBJECT for text in texts) and len(reading.evidence) <= _LINES:
        return reading
    return replace(
        reading,
        object=clean(reading.object, _OBJECT),
        text=clean(reading.text, _TEXT),
        advice=clean(reading.advice, _TEXT),
        evidence=tuple(clean(line, _TEXT) for line in reading.evidence[:_LINES]),
    )


def overflow(host: str, true: bool, now: float) -> Reading:
    """The reading that says whether `host` names more than is held."""
    return Reading(
        rule=OVERFLOW,
        host=host,
        truth=Truth.TRUE if true else Truth.FALSE,
        severity=Severity.WARNING,
        text=f"more than {MOST_OF_A_HOST} things are wrong on it at once; the others are not shown",
        advice="look at the host itself",
        time=now,
    )
