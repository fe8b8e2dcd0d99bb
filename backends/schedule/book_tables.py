"""The tables of the schedules' book."""

from __future__ import annotations

from backends.store.migrations import Layout

STEPS: tuple[str, ...] = (
    """
    CREATE TABLE IF NOT EXISTS schedules (name TEXT PRIMARY KEY, mark TEXT NOT NULL, since REAL NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS occurrences (
        name TEXT NOT NULL,
        time REAL NOT NULL,
        manual INTEGER NOT NULL,
        state TEXT NOT NULL,
        missed INTEGER NOT NULL,
        began REAL NOT NULL,
        ended REAL,
        text TEXT NOT NULL,
        PRIMARY KEY (name, time)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS hosts (
        name TEXT NOT NULL,
        time REAL NOT NULL,
        host TEXT NOT NULL,
        owner TEXT NOT NULL,
        began REAL NOT NULL,
        PRIMARY KEY (name, time, host)
    ) WITHOUT ROWID;
    """,
    """
    ALTER TABLE hosts ADD COLUMN ended REAL;
    ALTER TABLE hosts ADD COLUMN error TEXT NOT NULL DEFAULT '';
    """,
)
LAYOUT = Layout(
    steps=STEPS,
    written="the schedules were written",
    action="open the schedules' file",
    hint="update swarm-tui, or move the file away: then every schedule begins anew",
)
