"""Compares a screen with a picture of it in plain text; `GOLDEN=write` draws the pictures anew."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).with_name("golden")


def check(name: str, rows: list[str]) -> None:
    """Fail with both texts when the screen is not the one in `golden/<name>.txt`."""
    file = FOLDER / f"{name}.txt"
    text = "\n".join(rows) + "\n"
    if os.environ.get("GOLDEN") == "write":
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")
