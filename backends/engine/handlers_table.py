"""All parts of the API in one table."""

from __future__ import annotations

from backends.engine.handlers_alerts import TABLE as TABLE
from backends.engine.handlers_checks import TABLE as _CHECKS
from backends.engine.handlers_runs import TABLE as _RUNS
from backends.engine.handlers_schedules import TABLE as _SCHEDULES
from backends.engine.handlers_triage import TABLE as _TRIAGE

assert TABLE is _CHECKS is _RUNS is _SCHEDULES is _TRIAGE  # noqa: S101 - one table: importing its parts is what fills it
