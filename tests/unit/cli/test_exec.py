"""`exec` runs through the engine, groups what comes back, and cancels with Ctrl-C."""

from __future__ import annotations

from typing import Any

import pytest

from backends.engine.wire import ExecDone, ExecOutput, ExecStarted
from backends.errors import BadInput
from swarm_tui.cli import exec as command
from tests.unit.cli.conftest import Run, Serve
from tests.unit.fake_engine import FakeEngine

Script = list[ExecOutput | ExecDone]


def out(host: str, text: str, number: int = 1) -> ExecOutput:
    return ExecOutput(id=number, host=host, stream="out", text=text)


def done(host: str, status: int | None = 0, **rest: Any) -> ExecDone:
    return ExecDone(id=1, host=host, exit_status=status, **rest)


def engine_with(serve: Serve, hosts: tuple[str, ...], script: Script, **more: Any) -> FakeEngine:
    """Pushes the script before it answers `exec.start`: the quickest that an engine can be."""

    def start(params: dict[str, Any]) -> ExecStarted:
        for each in script:
            engine.push("exec.output" if isinstance(each, ExecOutput) else "exec.done", each)
        return ExecStarted(id=1, hosts=hosts)

    engine = serve(exec__start=start, exec__cancel={}, **more)
    return engine


def test_answers_are_grouped(run: Run, serve: Serve) -> None:
    script: Script = [out("a1", "x\n"), out("other", "z\n", number=9), out("a2", "x\n"), done("a1"), done("a2")]
    engine = engine_with(serve, ("a1", "a2"), script)
    ran = run("exec", "a[1-2]", "--", "uname", "-r")
    assert (ran.status, ran.err) == (0, "")
    assert "a[1-2] (2)" in ran.out
    assert ran.out.splitlines()[1:] == ["x"]
    assert engine.params_of("exec.start") == [{"select": "a[1-2]", "argv": ["uname", "-r"], "timeout_seconds": 60.0}]


def test_options_of_the_command_are_not_ours(run: Run, serve: Serve) -> None:
    engine = engine_with(serve, ("a",), [done("a")])
    run("exec", "--timeout", "5m", "--no-become", "a", "ls", "--json", "-la")
    assert engine.params_of("exec.start") == [
        {"select": "a", "argv": ["ls", "--json", "-la"], "timeout_seconds": 300.0, "become": False}
    ]


@pytest.mark.parametrize(
    ("words", "argv"),
    [
        (["a", "--json", "--", "ls", "-la", "--json"], ["ls", "-la", "--json"]),
        (["--json", "a", "ls", "-la"], ["ls", "-la"]),
        (["--json", "a", "git", "log", "--", "file"], ["git", "log", "--", "file"]),
        (["--json", "a", "--", "git", "log", "--", "file"], ["git", "log", "--", "file"]),
    ],
)
def test_the_command_is_what_follows_the_selector_or_the_separator(
    words: list[str], argv: list[str], run: Run, serve: Serve
) -> None:
    engine = engine_with(serve, ("a",), [done("a")])
    assert run("exec", *words).json()[0]["exit_status"] == 0
    assert engine.params_of("exec.start")[0]["argv"] == argv


@pytest.mark.parametrize(
    "words", [["a", "--nope", "--", "ls"], ["a", "--jsn", "ls"], ["a", "--"], ["--nope", "a", "ls"]]
)
def test_a_slip_in_an_option_never_becomes_a_command(words: list[str], run: Run) -> None:
    assert run("exec", *words).status == 64


def test_a_shell_line_is_given_to_a_shell_only_when_asked_for(run: Run, serve: Serve) -> None:
    engine = engine_with(serve, ("a",), [done("a")])
    ran = run("exec", "a", "--", "dmesg | tail")
    assert ran.status == 64
    assert "--shell" in ran.err
    run("exec", "--shell", "a", "--", "dmesg | tail")
    assert engine.params_of("exec.start")[0]["argv"] == ["sh", "-c", "dmesg | tail"]


def test_failures_are_on_stderr_and_in_the_status(run: Run, serve: Serve) -> None:
    engine_with(serve, ("a", "b"), [out("a", "x\n"), done("a"), done("b", 7)])
    ran = run("exec", "*", "--", "false")
    assert ran.status == 2
    assert ran.err == "b: exit status 7\n"


def test_json_has_one_object_a_host(run: Run, serve: Serve) -> None:
    engine_with(
        serve, ("a", "b"), [out("a", "x\n"), done("a", duration_seconds=0.5), done("b", None, error="not connected")]
    )
    ran = run("exec", "--json", "*", "--", "true")
    assert ran.status == 3
    assert [host["name"] for host in ran.json()] == ["a", "b"]
    assert ran.json()[0] == {
        "name": "a", "exit_status": 0, "signal": None, "error": "", "stdout": "x\n", "stderr": "", "truncated": False, "duration_seconds": 0.5,
    }  # fmt: skip


def test_live_lines_carry_their_host(run: Run, serve: Serve) -> None:
    engine_with(serve, ("a", "b"), [out("b", "1\n2\n"), out("a", "x\n"), done("a"), done("b", 1)])
    ran = run("exec", "--live", "*", "--", "true")
    assert ran.out == "b: 1\nb: 2\na: x\n"
    assert ran.err == "b: exit status 1\n"


def test_no_host_is_no_failure(run: Run, serve: Serve) -> None:
    engine_with(serve, (), [])
    ran = run("exec", "state:stale", "--", "true")
    assert (ran.status, ran.out) == (0, "")
    assert "nothing was run" in ran.err


def test_an_unknown_host_is_told(run: Run, serve: Serve) -> None:
    def refuse(params: object) -> None:
        raise BadInput('unknown host "x"', hint="hosts: a")

    serve(exec__start=refuse)
    ran = run("exec", "x", "--", "true")
    assert (ran.status, ran.err) == (64, 'error: unknown host "x"\n  → hosts: a\n')


def test_the_end_of_the_engine_is_told(run: Run, serve: Serve) -> None:
    def start(params: object) -> ExecStarted:
        engine.close_soon()
        return ExecStarted(id=1, hosts=("a",))

    engine = serve(exec__start=start)
    ran = run("exec", "a", "--", "true")
    assert ran.status == 3
    assert "the command may go on" in ran.err


def test_ctrl_c_cancels_and_shows_what_came(run: Run, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engine_with(serve, ("a", "b"), [out("a", "x\n"), done("a")])
    engine.handlers["exec.cancel"] = lambda params: engine.push("exec.done", done("b", None, error="cancelled"))
    real = command._take
    taken: list[object] = []

    def interrupt(*given: Any) -> None:
        real(*given)
        taken.append(given)
        if len(taken) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(command, "_take", interrupt)
    ran = run("exec", "*", "--", "sleep", "99")
    assert ran.status == 130
    assert engine.params_of("exec.cancel") == [{"id": 1}]
    assert "x" in ran.out
    assert ran.err == "b: cancelled\n"


@pytest.mark.parametrize("value", ["0", "x", "-1", "5 minutes"])
def test_a_timeout_that_is_none_is_refused(value: str, run: Run) -> None:
    assert run("exec", f"--timeout={value}", "a", "--", "true").status == 64


def test_read_only_runs_nothing(run: Run) -> None:
    ran = run("--read-only", "exec", "a", "--", "true")
    assert ran.status == 64
    assert "--read-only" in ran.err
