"""What the clipboard gets: Markdown that a ticket shows as it is meant."""

from __future__ import annotations

from msgspec.structs import replace

from swarm_tui.present import alert_copy
from tests.unit.cli import alert_answers as data
from tests.unit.cli.alert_answers import DISK, NOW, OVER, row


def test_an_alert_is_an_item_with_its_evidence_and_advice() -> None:
    assert alert_copy.markdown([replace(DISK, ack=data.ACK)], NOW).splitlines() == [
        "- **CRITICAL gpu01 /srv: Filesystem is full** — /srv is 97 % full"
        " (acked for 1h since 2027-01-15 07:00:00 UTC, `disk.space`)",
        "  - 3.1G of 120G are free",
        "  - acknowledged by anna until 2027-01-15 12:00:00 UTC (4h left): disk ordered",
        "  - → free space: du -xh /srv | sort -h | tail",
    ]


def test_several_are_a_list() -> None:
    text = alert_copy.markdown([row("own.link", "", title="Own link", text="down"), OVER], NOW)
    assert text.startswith("- **WARNING Own link** — down")
    assert "- **WARNING gpu09 /: A** — / is 91 % full (resolved 2m ago, 2027-01-15 07:58:00 UTC" in text


def test_a_page_has_a_heading_and_everything_below() -> None:
    lines = alert_copy.page(data.DETAIL).splitlines()
    assert lines[0] == "### CRITICAL gpu01 /srv: Filesystem is full"
    assert lines[2] == "/srv is 97 % full (firing for 1h since 2027-01-15 07:00:00 UTC)"
    assert (lines[4], lines[-1]) == ("```", "```")
    assert any("upgrade linux" in line for line in lines)
