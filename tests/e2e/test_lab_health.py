"""Health checks over real SSH on real systemds: a unit that fails is seen within a light look, taken in hand, and well again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.enginerun import EngineRun
from tests.lab import attach
from tests.lab.fleet import Lab, until
from tests.lab.host import LabHost

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

HOST, UNIT = "lab5", "breaks.service"
LIGHT_SECONDS = 5
LONG_SECONDS = 120.0
"""Every wait ends when it may; this one ends a test that waits in vain."""


class Site:
    """An engine that watches one host."""

    def __init__(self, lab: Lab, folder: Path):
        self.host: LabHost = lab.host(HOST)
        config = folder / "health.toml"
        settings = f"\n[checks]\nlight_seconds = {LIGHT_SECONDS}\n"
        config.write_text(attach.configuration(lab.ground, [self.host]) + settings)
        self.engine = EngineRun(folder / "engine", "--config", str(config))

    def call(self, method: str, **params: Any) -> Any:
        with self.engine.client() as client:
            return client.call(method, **params)

    def checks(self) -> dict[str, Any]:
        found: dict[str, Any] = self.call("checks.host", host=HOST)
        return found

    def findings(self, check: str) -> list[dict[str, Any]]:
        result = self.checks().get("result") or {}
        return [each for each in result.get("findings", []) if each["check"] == check]

    def look(self) -> None:
        """A full one, to its end."""
        assert until(lambda: self.call("host.get", host=HOST)["row"]["state"] == "up", LONG_SECONDS)
        assert until(lambda: not self.checks()["health"].get("busy"), LONG_SECONDS)  # one that began by itself
        before = self.checks()["health"].get("tried")
        self.call("checks.run", select=HOST)
        assert until(lambda: self.checks()["health"].get("tried") != before, LONG_SECONDS)

    def alerts(self) -> list[str]:
        """Rules and objects of what fires."""
        found = self.call("alerts.view")["alerts"]
        return [f"{each['rule']} {each.get('object', '')}" for each in found if each.get("phase") == "firing"]


@pytest.fixture
def site(lab: Lab, tmp_path: Path) -> Iterator[Site]:
    lab.host(HOST).does("systemctl", "reset-failed")  # what failed in other tests is none of these
    one = Site(lab, tmp_path)
    try:
        one.engine.until_ready()
        yield one
    finally:
        one.engine.__exit__()
        one.host.does("systemctl", "reset-failed")


def test_a_full_look_judges_every_check_or_says_why_not(site: Site) -> None:
    site.look()
    checks = site.checks()
    result = checks["result"]
    assert checks["health"].get("error", "") == "" and result["root"]
    broken = [each["text"] for each in result["findings"] if "the check itself failed" in each.get("text", "")]
    assert broken == []
    odd = [each for each in result["findings"] if "not understood" in each.get("text", "")]
    assert odd == []
    told = {each["check"] for each in result["findings"]} | set(result["skipped"])
    catalogue = {row["id"] for row in site.call("checks.catalogue")["checks"]}
    assert catalogue - told <= {"G30", "G31", "P03"}


def test_a_unit_that_fails_is_an_alert_soon_and_well_again_soon(site: Site) -> None:
    site.look()
    assert [each.get("severity", "ok") for each in site.findings("H20")] == ["ok"]
    site.host.does("systemd-run", "--quiet", f"--unit={UNIT}", "false")
    assert until(lambda: any(each.get("object") == UNIT for each in site.findings("H20")), LONG_SECONDS)
    assert until(lambda: f"unit.failed {UNIT}" in site.alerts(), LONG_SECONDS)
    assert until(lambda: any(each.get("severity") == "warning" for each in site.findings("H20")), LONG_SECONDS)
    site.call("checks.ack", host=HOST, check="H20", object=UNIT, note="known")
    assert site.findings("H20")[0]["acknowledged"]
    site.host.does("systemctl", "reset-failed", UNIT)
    assert until(lambda: [each.get("severity", "ok") for each in site.findings("H20")] == ["ok"], LONG_SECONDS)
