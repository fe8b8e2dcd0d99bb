"""Everything that is wrong with a configuration is told, with its place and the nearest valid key."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.config.check import check
from backends.config.problem import Problem
from backends.config.schema import Config, PythonConfig


def problems(text: str) -> list[Problem]:
    return check(text, "c.toml")[1]


def only(text: str) -> Problem:
    found = problems(text)
    assert len(found) == 1, found
    return found[0]


def test_an_empty_file_means_the_defaults() -> None:
    assert check("", "c.toml") == (Config(), [])


def test_values_are_taken_over() -> None:
    config, found = check('[ssh]\nuser = "ops"\n[hosts."gpu.1"]\nport = 2222\ntags = ["a100"]\n', "c.toml")
    assert found == []
    assert config is not None
    assert (config.ssh.user, config.hosts["gpu.1"].port, config.hosts["gpu.1"].tags) == ("ops", 2222, ("a100",))


def test_whole_numbers_are_good_where_numbers_are_wanted() -> None:
    config, _ = check("[sources]\ninterval_seconds = 2\n", "c.toml")
    assert config is not None
    assert config.sources.interval_seconds == 2.0


def test_a_list_may_hold_short_and_long_entries() -> None:
    text = '[updates]\npython_environments = ["/a", { path = "/b", hosts = "tag:x" }]\nadvisories = "~/osv"\n'
    config, found = check(text, "c.toml")
    assert found == [] and config is not None
    assert config.updates.python_environments == ("/a", PythonConfig(path="/b", hosts="tag:x"))
    assert config.updates.advisories == "~/osv"


@pytest.mark.parametrize(
    ("text", "line", "key", "message", "hint"),
    [
        ("[sourcs]\n", 1, "sourcs", "unknown key", 'did you mean "sources"?'),
        ('[ssh]\nusr = "x"\n', 2, "ssh.usr", "unknown key", 'did you mean "user"?'),
        ("[ssh]\nzzz = 1\n", 2, "ssh.zzz", "unknown key", "known here: user, become"),
        (
            '[ssh]\nbecome = "sudoo"\n',
            2,
            "ssh.become",
            'found "sudoo", expected "none" or "sudo"',
            'did you mean "sudo"?',
        ),
        ('[hosts.a]\nport = "22"\n', 2, "hosts.a.port", 'found "22", expected a whole number from 1 to 65535', ""),
        ("[hosts.a]\nport = 70000\n", 2, "hosts.a.port", "found 70000, expected a whole number from 1 to 65535", ""),
        ("[hosts.a]\nport = true\n", 2, "hosts.a.port", "found true, expected a whole number", ""),
        (
            "[sources]\ninterval_seconds = -1\n",
            2,
            "sources.interval_seconds",
            "found -1, expected a number from 0.2 to 3600",
            "",
        ),
        ("[sources]\ninterval_seconds = nan\n", 2, "sources.interval_seconds", "found nan", ""),
        ("[engine]\nhistory_minutes_days = inf\n", 2, "engine.history_minutes_days", "found inf", ""),
        ("[hosts]\na = 3\n", 2, "hosts.a", "found 3, expected a table", "[hosts.a]"),
        ("hosts = 3\n", 1, "hosts", "found 3, expected tables", "[hosts.NAME]"),
        ("ssh = 3\n", 1, "ssh", "found 3, expected a table", "[ssh]"),
        ("[groups.g]\n", 1, "groups.g", 'the key "nodes" is missing', ""),
        ('[hosts.a]\ntags = ["two words"]\n', 2, "hosts.a.tags", "words without spaces", ""),
        ("[hosts.a]\ntags = [\n 1,\n]\n", 2, "hosts.a.tags", "found [1], expected a list of words", ""),
        ("[console]\nmouse = 1\n", 2, "console.mouse", "found 1, expected true or false", ""),
        ("[console.keys]\n'app.quit' = 3\n", 1, "console.keys", "expected a table of text", ""),
        (
            '[updates]\npython_environments = ["venv"]\n',
            2,
            "updates.python_environments",
            "found ['venv'], expected a list, each a table (path, hosts) or an absolute path",
            "",
        ),
        (
            '[updates]\npython_environments = ["/a", { path = 1 }]\n',
            2,
            "updates.python_environments.1.path",
            "found 1, expected an absolute path",
            "",
        ),
        (
            '[[updates.python_environments]]\npath = "/a"\nhost = "a"\n',
            3,
            "updates.python_environments.0.host",
            "unknown key",
            'did you mean "hosts"?',
        ),
        ('[updates]\nadvisories = "osv"\n', 2, "updates.advisories", "expected an absolute path or one from ~", ""),
        ('[hosts."a b"]\nuser = ""\n', 2, 'hosts."a b".user', 'found ""', ""),
    ],
)
def test_a_wrong_value_is_told_with_its_place(text: str, line: int, key: str, message: str, hint: str) -> None:
    problem = only(text)
    assert (problem.file, problem.line, problem.key) == ("c.toml", line, key)
    assert message in problem.message
    assert hint in problem.hint


def test_all_problems_are_told_in_the_order_of_the_file() -> None:
    found = problems('[ssh]\nbecome = "x"\nusr = 1\n[hosts.a]\nport = 0\n[groups.g]\nnodes = 1\n')
    assert [problem.line for problem in found] == [2, 3, 5, 7]


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [("[ssh\n", 1, 5), ("\na = \n", 2, 5), ('a = "x\n', 1, 7), ("a = 1\na = 2\n", 2, 6)],
)
def test_broken_toml_names_line_and_column(text: str, line: int, column: int) -> None:
    problem = only(text)
    assert (problem.line, problem.column) == (line, column)
    assert problem.message.startswith("not valid TOML")


def test_toml_that_ends_too_early_says_so() -> None:
    assert "at the end of the file" in only('a = """x').message


def test_control_characters_of_the_file_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in str(only('[ssh]\nbecome = "\\u001b[2J"\n'))
    assert "\x1b" not in str(only('"\\u001b[2J" = 1\n'))


def test_nesting_without_end_is_refused() -> None:
    assert only("a = " + "[" * 100_000).message


_KEYS = st.sampled_from(
    ["ssh", "hosts", "groups", "sources", "engine", "console", "user", "port", "nodes", "keys", "x", '"a b"']
)
_VALUES = st.sampled_from(["1", "-1.5", "nan", "true", '"x"', "[]", "[1, 'a']", "{ a = 1 }", "1979-05-27", "''"])
_LINES = st.one_of(
    st.builds("[{}]".format, st.lists(_KEYS, min_size=1, max_size=3).map(".".join)),
    st.builds("[[{}]]".format, _KEYS),
    st.builds("{} = {}".format, _KEYS, _VALUES),
    st.text(max_size=20),
)


@settings(max_examples=100)
@given(st.lists(_LINES, max_size=12).map("\n".join))
def test_whatever_the_file_says_there_is_a_configuration_or_a_problem(text: str) -> None:
    config, found = check(text, "c.toml")
    assert (config is None) == bool(found)
    assert all(problem.line is None or 1 <= problem.line <= text.count("\n") + 1 for problem in found)
