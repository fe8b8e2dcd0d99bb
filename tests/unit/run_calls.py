"""Every call about maintenance runs with its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from backends.maintenance.views import Held, NamedRun, RunList
from swarm_tui.client import EngineClient
from tests.unit.run_samples import DONE, GOING, HASH, LINE, QUEUED, RUN, dry, state

STATE = state(DONE, QUEUED)
DRY = dry()
LIST = RunList(runs=(LINE,))
HELD = (Held(host="gpu03", run=RUN, name="monthly", who="anna", stage=QUEUED.stage),)
NAMED = (NamedRun(name="monthly", selector="tag:a100", hosts=2, steps=("drain", "update", "resume")),)
ANSWERS: dict[str, Any] = {
    **dict.fromkeys(
        [f"runs.{word}" for word in ("create", "start", "approve", "pause", "resume", "abort", "promote")]
        + [f"runs.{word}" for word in ("skip", "retry", "answer", "note")],
        STATE,
    ),
    "runs.compose": DRY,
    "runs.list": LIST,
    "runs.view": GOING,
    "runs.output": {"text": "Unpacking"},
    "runs.report": {"text": "# Run"},
    "runs.held": {"held": HELD},
    "runs.names": {"runs": NAMED},
}
Call = tuple[Callable[[EngineClient], Any], Any, dict[str, Any]]
CALLS: dict[str, Call] = {
    "runs.compose": (lambda c: c.runs.compose("monthly", batches=("1",)), DRY, {"name": "monthly", "batches": ["1"]}),
    "runs.create": (lambda c: c.runs.create(HASH), STATE, {"hash": HASH}),
    "runs.start": (lambda c: c.runs.start(RUN, HASH), STATE, {"run": RUN, "hash": HASH}),
    "runs.approve": (lambda c: c.runs.approve(RUN, HASH), STATE, {"run": RUN, "hash": HASH}),
    "runs.list": (lambda c: c.runs.list(5), LIST, {"limit": 5}),
    "runs.view": (lambda c: c.runs.view(RUN, since=3), GOING, {"run": RUN, "since": 3}),
    "runs.output": (lambda c: c.runs.output(RUN, "gpu01"), "Unpacking", {"run": RUN, "host": "gpu01"}),
    "runs.report": (lambda c: c.runs.report(RUN), "# Run", {"run": RUN, "format": "markdown"}),
    "runs.held": (lambda c: c.runs.held(), HELD, {}),
    "runs.names": (lambda c: c.runs.names(), NAMED, {}),
    "runs.pause": (lambda c: c.runs.pause(RUN, "lunch"), STATE, {"run": RUN, "text": "lunch"}),
    "runs.resume": (lambda c: c.runs.resume(RUN), STATE, {"run": RUN, "text": ""}),
    "runs.abort": (lambda c: c.runs.abort(RUN, "wrong"), STATE, {"run": RUN, "text": "wrong"}),
    "runs.promote": (lambda c: c.runs.promote(RUN), STATE, {"run": RUN}),
    "runs.skip": (lambda c: c.runs.skip(RUN, "gpu01", "fan"), STATE, {"run": RUN, "host": "gpu01", "text": "fan"}),
    "runs.retry": (lambda c: c.runs.retry(RUN, "gpu01"), STATE, {"run": RUN, "host": "gpu01", "text": ""}),
    "runs.answer": (lambda c: c.runs.answer(RUN, "gpu01", "yes"), STATE, {"run": RUN, "host": "gpu01", "text": "yes"}),
    "runs.note": (lambda c: c.runs.note(RUN, "hot"), STATE, {"run": RUN, "text": "hot", "host": ""}),
}
