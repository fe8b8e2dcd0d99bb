"""Everything that is wrong with schedules and blackouts is told, with the key and the nearest right word."""

from __future__ import annotations

import pytest

from backends.config.schema import Config
from backends.inventory.host import Host
from backends.schedule.settings_check import problems
from tests.unit.config.test_schema_alerts import read

HOSTS = (Host(name="gpu01", tags=("a100",)),)
GOOD = '[[schedules]]\nname = "nightly"\naction = "backup:models"\ncron = "0 4 * * *"\ntimezone = "Europe/Zurich"\n'
SET = '[[backups.sets]]\nname = "models"\npaths = ["/srv"]\n'


def config(text: str) -> Config:
    return read(text)


def told(text: str, hosts: tuple[Host, ...] | None = HOSTS) -> list[tuple[str, str, str, str]]:
    return [(each.key, each.message, each.hint, each.severity) for each in problems(config(text), hosts)]


def test_a_right_one_is_right() -> None:
    assert told(SET + GOOD) == []


@pytest.mark.parametrize(
    ("text", "key", "message", "hint"),
    [
        (GOOD, "schedules.0.action", 'there is no set "models"', "there are: config, secrets"),
        (SET + GOOD.replace("backup:models", "backup:modles"), "schedules.0.action", "modles", 'mean "models"'),
        (SET + GOOD.replace("backup:models", "run:monthly"), "schedules.0.action", 'no run "monthly"', "[[runs]]"),
        (SET + GOOD.replace("backup:models", "bakup"), "schedules.0.action", 'no action "bakup"', 'mean "backup"'),
        (SET + GOOD.replace("0 4 * * *", "0 4 * *"), "schedules.0.cron", "4 fields, expected 5", "0 2 * * *"),
        (SET + GOOD.replace("Zurich", "Zurch"), "schedules.0.timezone", "no such time zone", 'mean "Europe/Zurich"'),
        (SET + GOOD + 'hosts = "tag:h100"\n', "schedules.0.hosts", "h100", ""),
        (SET + GOOD + GOOD, "schedules.1.name", 'the name "nightly" is there twice', "another one"),
        (
            '[maintenance]\nblackouts = [{ from = "2026-12-20", to = "2026-12-01" }]\n',
            "maintenance.blackouts.0",
            "it ends (2026-12-01) before it begins",
            "exchange",
        ),
        (
            '[maintenance]\nblackouts = [{ from = "2026-02-30", to = "2026-03-01" }]\n',
            "maintenance.blackouts.0",
            "no such day",
            "2026-12-20",
        ),
    ],
)
def test_what_is_wrong_names_its_key_and_what_is_near(text: str, key: str, message: str, hint: str) -> None:
    ((found_key, found, found_hint, severity),) = told(text)
    assert found_key == key and message in found and hint in found_hint and severity == "error"


def test_several_wrong_things_are_told_together() -> None:
    text = GOOD.replace("0 4 * * *", "x").replace("Zurich", "X").replace("backup:models", "y")
    assert [key for key, *_ in told(text)] == ["schedules.0.timezone", "schedules.0.cron", "schedules.0.action"]


def test_times_at_which_clocks_change_and_too_wide_spreads_are_warned_of() -> None:
    ((key, message, _, severity),) = told(SET + GOOD.replace("0 4", "30 2"))
    assert (key, severity) == ("schedules.0.cron", "warning") and "clocks are changed" in message
    wide = GOOD.replace("backup:models", "check").replace("0 4 * * *", "0 * * * *") + "spread_minutes = 90\n"
    ((key, message, _, severity),) = told(wide)
    assert (key, severity) == ("schedules.0.spread_minutes", "warning")


def test_no_selector_is_judged_while_the_inventory_is_wrong() -> None:
    assert told(SET + GOOD + 'hosts = "tag:h100"\n', None) == []


def test_days_are_dates_in_quotes() -> None:
    with pytest.raises(AssertionError, match="a day in quotes"):
        config('[maintenance]\nblackouts = [{ from = "next week", to = "2026-12-01" }]\n')
