"""Hosts that go away together: behind one parent, or because it is this machine that lost its connection. Real sshds, one notice."""

from __future__ import annotations

import getpass
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.e2e.alertdesk import AT_ONCE, PROGRAM, heard, hears, table, target
from tests.e2e.enginerun import Client, EngineRun, until
from tests.lab.userlab import Fleet, available
from tests.unit.alerts.receivers import Web, web_server

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(420),
    pytest.mark.skipif(not available(), reason="no sshd: install openssh-server"),
]
BEHIND = 12
"""Hosts behind one switch that nobody watches."""
RULE_SECONDS = 45.0
"""Of host.down: three misses, and so long."""


def written(lab: Fleet, file: Path, web: Web, behind: Iterable[str]) -> Path:
    """A configuration without patience, but for what the rule itself waits."""
    hosts = [
        table(f"[hosts.{host.name}]", {"address": host.address, "port": host.port})
        + ('parents = ["rack1"]\n' if host.name in behind else "")
        for host in lab.hosts
    ]
    ssh = {
        "user": getpass.getuser(),
        "config_file": "none",
        "identity_files": [str(lab.key)],
        "known_hosts_files": [str(lab.known_hosts)],
        "silence_seconds": 1.0,
    }
    off = ["cpu.*", "memory.*", "disk.*", "net.*", "backup.*", "check.*", "unit.*", "clock.*", "process.*", "updates.*"]
    off += ["kernel.*", "hardware.*", "collector.*", "nfs.*"]
    file.write_text(
        "\n".join(
            [
                table("[ssh]", ssh),
                *hosts,
                table("[alerts]", {"off": off, "test_day": "none"}),
                table("[alerts.policy]", {**AT_ONCE, "keep_factor": 0.02}),
                "[checks]\nevery_minutes = 0\nlight_seconds = 3600\n",
                target("oncall", web.url("ok/hook")),
            ]
        )
    )
    return file


def states(client: Client) -> list[str]:
    return [row["state"] for row in client.call("fleet.view")["rows"]]


def firing(client: Client) -> dict[str, str]:
    """Host → rule of what fires and is hidden by nothing."""
    rows = client.call("alerts.view")["alerts"]
    return {row["host"]: row["rule"] for row in rows if row["phase"] == "firing" and not row.get("inhibited")}


def test_twelve_hosts_behind_one_parent_are_one_notice_and_one_end(tmp_path: Path) -> None:
    with Fleet.up(2 * BEHIND + 2) as lab, web_server() as web:
        behind = [host.name for host in lab.hosts[:BEHIND]]
        file = written(lab, tmp_path / "fleet.toml", web, behind)
        program = (str(PROGRAM),)
        with EngineRun(tmp_path, "--config", str(file), "engine", "--foreground", program=program) as engine:
            engine.until_ready()
            with engine.client() as client:
                until(lambda: set(states(client)) == {"up"}, 90, "the fleet")
                for name in behind:
                    lab[name].crash()
                until(lambda: "rack1" in firing(client), RULE_SECONDS + 90, "the rack to be named")
                hears(web, "rack1")
                assert set(firing(client)) == {"rack1"}
                assert len(web.asked) == 1, web.titles
                for name in behind:
                    lab[name].restart()
                hears(web, "RESOLVED", "rack1", seconds=150)
                assert len(web.asked) == 2, web.titles


def test_the_own_connection_that_is_lost_is_one_line_and_no_storm(tmp_path: Path) -> None:
    with Fleet.up(6) as lab, web_server() as web:
        file = written(lab, tmp_path / "fleet.toml", web, ())
        program = (str(PROGRAM),)
        with EngineRun(tmp_path, "--config", str(file), "engine", "--foreground", program=program) as engine:
            engine.until_ready()
            with engine.client() as client:
                until(lambda: set(states(client)) == {"up"}, 90, "the fleet")
                for host in lab.hosts:
                    host.crash()
                until(lambda: bool(web.asked), RULE_SECONDS + 90, "a notice")
                until(lambda: states(client).count("unreachable") == 6, what="all of them")
                assert not heard(web, "unreachable: "), web.titles
                assert len(web.asked) == 1, web.titles
                for host in lab.hosts:
                    host.restart()
                hears(web, "RESOLVED", seconds=150)
                assert len(web.asked) == 2, web.titles
