"""Alerts as Markdown, for a ticket or a chat."""

from __future__ import annotations

from collections.abc import Sequence

from backends.alerts.views import AlertRow
from backends.engine.wire_alerts import AlertDetail
from backends.units import span
from swarm_tui.present import alert_text as text


def markdown(alerts: Sequence[AlertRow], now: float) -> str:
    """A list, each with its evidence and advice."""
    return "\n".join(each for row in alerts for each in _lines(row, now))


def page(detail: AlertDetail) -> str:
    """Everything about one alert: a heading, the sentence, and the rest as it stands on the page."""
    row, now = detail.row, detail.now
    _, said, *rest = text.detail_lines(detail)
    return "\n".join((f"### {_title(row)}", "", f"{said} ({_standing(row, now)})", "", "```", *rest, "```"))


def _title(row: AlertRow) -> str:
    where = " ".join(filter(None, (row.host, row.object)))
    return f"{text.level(row).upper()} {where}: {row.title}" if where else f"{text.level(row).upper()} {row.title}"


def _lines(row: AlertRow, now: float) -> list[str]:
    ack = [text.ack_words(row.ack, now)] if row.ack else []
    advice = [f"→ {row.advice}"] if row.advice else []
    first = f"- **{_title(row)}** — {text.what(row, now)} ({_standing(row, now)}, `{row.rule}`)"
    return [first, *(f"  - {each}" for each in (*row.evidence, *ack, *advice))]


def _standing(row: AlertRow, now: float) -> str:
    """ "firing for 1h since 2026-11-26 08:00:00 UTC"."""
    began = text.began(row)
    lasts = f"for {span(now - began)} since" if text.stands(row) else f"{span(now - began)} ago,"
    return f"{text.state(row)} {lasts} {text.moment(began)}"
