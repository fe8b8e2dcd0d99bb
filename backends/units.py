"""Quantities as people write them: parsing and formatting, with no widget in sight."""

from __future__ import annotations

import re

_BINARY = ("B", "K", "M", "G", "T", "P", "E")
_SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kmgtpe]?)(i?)(b?)\s*", re.IGNORECASE)
_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|w)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def size(value: float | None, width: int = 4) -> str:
    """Bytes in at most `width`+1 characters with a binary prefix: 0B, 512B, 1.5G, 80G; None is "n/a"."""
    if value is None:
        return "n/a"
    number, index = float(value), 0
    while abs(number) >= 1000 and index < len(_BINARY) - 1:
        number, index = number / 1024, index + 1
    digits = 0 if index == 0 or abs(number) >= 10 else 1
    return f"{number:.{digits}f}{_BINARY[index]}"


def rate(value: float | None) -> str:
    """Bytes a second: "1.5M/s"; None is "n/a"."""
    return "n/a" if value is None else f"{size(value)}/s"


def percent(value: float | None) -> str:
    """0–100 without decimals: "87%"; None is "n/a"."""
    return "n/a" if value is None else f"{value:.0f}%"


def span(seconds: float | None) -> str:
    """A duration in at most two units: 0s, 45s, 3m20s, 5h, 3d4h; None is "n/a"."""
    if seconds is None:
        return "n/a"
    left = max(0, int(seconds))
    parts: list[str] = []
    for name, unit in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, unit)
        if count:
            parts.append(f"{count}{name}")
        elif parts:
            break
        if len(parts) == 2:
            break
    return "".join(parts) or "0s"


def clock_span(seconds: float) -> str:
    """A duration as a player shows it: 0:07, 12:30, 1:02:03."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def parse_size(text: str) -> int:
    """Bytes from "512", "10k", "1.5GiB"; every prefix is binary. Raises ValueError with the text."""
    match = _SIZE.fullmatch(text)
    if not match:
        raise ValueError(f"not a size: {text!r} (examples: 512, 10M, 1.5GiB)")
    exponent = " kmgtpe".index(match[2].lower() or " ")
    return int(float(match[1]) * 1024**exponent)


def parse_span(text: str) -> float:
    """Seconds from "90s", "5m", "1h30m", "250ms". Raises ValueError with the text."""
    parts = _SPAN.findall(text.strip())
    if not parts or "".join(number + unit for number, unit in parts) != text.strip():
        raise ValueError(f"not a duration: {text!r} (examples: 30s, 5m, 1h30m, 2d)")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)
