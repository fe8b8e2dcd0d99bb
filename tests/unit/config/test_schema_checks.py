"""The tables about health checks, and what a host is expected to have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends import units
from backends.checks.health_settings import site_checks
from backends.checks.health_site import checked
from backends.config.check import check
from backends.config.schema import ChecksConfig, ExpectConfig, SiteCheckConfig
from backends.inventory.host import Host
from tests.unit.config.test_schema_alerts import only, read, toml


def test_checks_of_the_site_can_be_said() -> None:
    text = '[checks]\nevery_minutes = 30\n[[checks.site]]\nname = "lic"\ncommand = ["/x", "-w"]\nbecome = true\n'
    site = SiteCheckConfig(name="lic", command=("/x", "-w"), become=True)
    assert read(text).checks == ChecksConfig(every_minutes=30.0, site=(site,))


def test_by_default_everything_is_looked_at_hourly() -> None:
    assert (ChecksConfig().every_minutes, ChecksConfig().light_seconds, ChecksConfig().site) == (60.0, 60.0, ())


def test_what_must_be_there_stands_at_hosts_and_groups() -> None:
    config = read(
        '[hosts.a]\nexpect = { gpus = 8, memory = "2TiB", nics = ["eth0"], infiniband_gbit = 400 }\n'
        '[groups.g]\nnodes = "b[1-2]"\n[groups.g.expect]\nnvlinks = 18\n'
    )
    assert config.hosts["a"].expect == ExpectConfig(gpus=8, memory="2TiB", nics=("eth0",), infiniband_gbit=400.0)
    assert config.groups["g"].expect == ExpectConfig(nvlinks=18)


SITE = '[[checks.site]]\nname = "x"\n'


@pytest.mark.parametrize(
    ("text", "key", "message", "hint"),
    [
        ("[hosts.a.expect]\ngpu = 8\n", "hosts.a.expect.gpu", "unknown key", 'did you mean "gpus"?'),
        ("[hosts.a]\nexpect = 8\n", "hosts.a.expect", "found 8, expected a table", "[hosts.a.expect]"),
        ('[hosts.a.expect]\ngpus = "8"\n', "hosts.a.expect.gpus", 'found "8", expected a whole number', ""),
        ("[hosts.a.expect]\nmemory = 2\n", "hosts.a.expect.memory", 'found 2, expected a size like "512GiB"', ""),
        ("[hosts.a.expect]\nmemory = '2 tons'\n", "hosts.a.expect.memory", 'found "2 tons", expected a size', ""),
        ("[checks]\nevery_minute = 1\n", "checks.every_minute", "unknown key", 'did you mean "every_minutes"?'),
        ("[checks]\nlight_seconds = 0\n", "checks.light_seconds", "found 0, expected a number from 5", ""),
        (SITE, "checks.site.0", 'the key "command" is missing', ""),
        (SITE + 'command = "ls"\n', "checks.site.0.command", 'found "ls", expected a list of text', ""),
        (SITE + "command = []\n", "checks.site.0.command", "found [], expected a list of text", ""),
        (SITE + "command = ['ls']\ntimeout_seconds = 301\n", "checks.site.0.timeout_seconds", "found 301", ""),
        ("[[checks.site]]\nname = 'a b'\ncommand = ['ls']\n", "checks.site.0.name", "a name of letters, digits", ""),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, key: str, message: str, hint: str) -> None:
    problem = only(text)
    assert problem.key == key and problem.line is not None
    assert message in problem.message and hint in problem.hint


@given(
    st.one_of(st.text(max_size=10), st.from_regex(r"[0-9.]{0,4} ?[kMGTiB]{0,3}\n?"), st.sampled_from(["2TiB", "64g"]))
)
def test_a_size_is_refused_or_can_be_read(text: str) -> None:
    config, problems = check(f"[hosts.a.expect]\nmemory={toml(text)}\n", "c.toml")
    if config is None:
        assert [problem.key for problem in problems] == ["hosts.a.expect.memory"]
    else:
        assert units.parse_size(config.hosts["a"].expect.memory or "") >= 0


@given(name=st.text(max_size=70), word=st.text(min_size=1, max_size=5).filter(lambda text: "\0" not in text))
def test_a_check_that_is_taken_can_be_run(name: str, word: str) -> None:
    text = f"[[checks.site]]\nname={toml(name)}\ncommand=[{toml(word)}]\n"
    config, _ = check(text, "c.toml")
    if config is not None:
        (only_one,) = site_checks(config.checks, [Host(name="a")])["a"]
        assert checked(only_one) == only_one
