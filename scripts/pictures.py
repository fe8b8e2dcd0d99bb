"""Draws the README's pictures: the real console on a real engine that plays the simulated fleet (`make pictures`).

An engine is started in directories of its own; the console runs without a terminal, and what it shows is kept as SVG.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
SIZE = (132, 36)
HOSTS = 40
PATIENCE_SECONDS = 30.0
PLACES = ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")


def main() -> int:
    """Draw all pictures."""
    with tempfile.TemporaryDirectory(prefix="swarm-pictures-") as folder:
        for name in PLACES:
            place = Path(folder) / name.lower()
            place.mkdir(mode=0o700)
            os.environ[name] = str(place)
        try:
            asyncio.run(_draw())
        finally:
            words = ["--demo", "--demo-hosts", str(HOSTS), "engine", "stop"]
            subprocess.run([sys.executable, "-m", "swarm_tui", *words], capture_output=True, check=False)
    return 0


async def _draw() -> None:
    from backends.config.schema import ConsoleConfig
    from swarm_tui.app import SwarmApp
    from swarm_tui.bridge import Link, connector
    from swarm_tui.options import ConsoleOptions

    options = ConsoleOptions(demo=HOSTS)
    link = Link(connector(options), hz=4.0)
    app = SwarmApp(link, options, ConsoleConfig())
    try:
        async with app.run_test(size=SIZE) as pilot:
            await _until(lambda: sum(row.sample_time is not None for row in link.fleet.rows.values()) > HOSTS * 0.8)
            await asyncio.sleep(75)  # a minute of history for the graphs, a window for the verdicts
            for _ in range(6):
                await pilot.press("j")
            await pilot.pause(1.5)
            _keep("fleet", app.export_screenshot(title="swarm-tui"))
            await pilot.press("h")
            await pilot.pause(1.0)
            _keep("heatmap", app.export_screenshot(title="swarm-tui"))
            await pilot.press("escape")
            await pilot.pause(0.5)
            await pilot.press("enter", *"wwww")  # the graphs' window: one minute
            await pilot.pause(3.0)
            _keep("host", app.export_screenshot(title="swarm-tui"))
            await pilot.press("3", "space", "u")
            await pilot.pause(1.0)
            await pilot.press("a")  # everything; the plan is made on the simulated hosts
            await pilot.pause(6.0)
            _keep("plan", app.export_screenshot(title="swarm-tui"))
            await pilot.press("a")
            await pilot.pause(1.0)
            plan: Any = app.screen_stack[-2]
            await pilot.press(*str(len(plan.subject())), "enter")  # more than five hosts: their number is typed
            await pilot.pause(14.0)
            _keep("board", app.export_screenshot(title="swarm-tui"))
    finally:
        link.stop()


async def _until(condition: Callable[[], bool]) -> None:
    for _ in range(int(PATIENCE_SECONDS / 0.1)):
        if condition():
            return
        await asyncio.sleep(0.1)
    raise TimeoutError("the simulated fleet did not appear")


def _keep(name: str, svg: str) -> None:
    """Without the web fonts that the exporter names: a picture must not fetch anything."""
    own = re.sub(r"@font-face\s*\{[^}]*\}", "", svg)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.svg").write_text(own, encoding="utf-8")
    sys.stdout.write(f"{FOLDER / name}.svg\n")


if __name__ == "__main__":
    raise SystemExit(main())
