"""The launch command: it survives every login shell, and says in one line why it cannot start."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from backends.hostkit.events import Trouble
from backends.hostkit.travel import command, probe_launch, program_launch
from backends.metrics.sample import HostFacts, Sample
from tests.unit.hostkit.kit import RunningKit

SHELLS = ("sh", "bash", "dash", "zsh", "csh", "tcsh", "fish", "ksh", "mksh", "busybox")


@pytest.mark.parametrize("shell", SHELLS)
def test_every_login_shell_starts_the_probe(shell: str, tmp_path: Path) -> None:
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"{shell} is not installed")
    argv = (path, "sh", "-c") if shell == "busybox" else (path, "-c")
    with RunningKit(argv=argv, env={"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}) as kit:
        kit.until(HostFacts)
        kit.until(Sample)
        assert kit.end_input() < 1


@pytest.mark.parametrize("become", ["none", "sudo"])
def test_the_command_holds_nothing_that_a_shell_treats_specially_in_single_quotes(become: str) -> None:
    text = command(12345, "sudo" if become == "sudo" else "none")
    inner = text.removeprefix("exec /bin/sh -c '").removesuffix("'")
    assert len(inner) == len(text) - len("exec /bin/sh -c ''")
    assert not set(inner) & set("'!\\\n\r\t\0`"), "csh would expand !, fish would eat a backslash"
    assert text.isascii()


def test_a_banner_before_the_kit_is_skipped(tmp_path: Path) -> None:
    (tmp_path / ".profile").write_text("echo 'Welcome! {\"x\": [1]}'; printf 'no newline at the end'\n")
    with RunningKit(argv=("/bin/sh", "-l", "-c"), env={"HOME": str(tmp_path)}) as kit:
        kit.until(HostFacts)
        assert b"Welcome!" in kit.output
        assert kit.reader.garbage == 0


def bare_path(tmp_path: Path, **programs: str) -> dict[str, str]:
    """An environment in which only the named programs (shell scripts) and the basic ones are found."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, script in programs.items():
        file = folder / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
    return {"PATH": str(folder)}


def run_script(tmp_path: Path, env: dict[str, str], become: str = "none") -> RunningKit:
    """The launch with its own PATH additions taken out, so that this machine's python3 is not found."""
    launch = probe_launch(interval_seconds=1, become="sudo" if become == "sudo" else "none")
    text = launch.command.replace(
        "PATH=$PATH:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin", "PATH=$PATH"
    )
    text = text.replace("/usr/libexec/platform-python", "")
    assert text != launch.command
    return RunningKit(env=env, launch=type(launch)(text, b""))


def test_a_host_without_python_says_so(tmp_path: Path) -> None:
    with run_script(tmp_path, bare_path(tmp_path)) as kit:
        trouble = kit.until(Trouble)
        assert trouble.kind == "no-python" and trouble.fatal
        assert "apt-get install python3" in trouble.hint
        assert kit.process.wait(5) == 86


def test_a_broken_python_is_named_with_what_it_says(tmp_path: Path) -> None:
    env = bare_path(tmp_path, python3="echo 'error while loading shared libraries: libz.so.1' >&2; exit 127")
    with run_script(tmp_path, env) as kit:
        trouble = kit.until(Trouble)
        assert trouble.kind == "no-python"
        assert "libz.so.1" in trouble.text


def test_a_python_that_is_too_old_is_named_with_its_version(tmp_path: Path) -> None:
    with run_script(tmp_path, bare_path(tmp_path, python3="echo Python 3.4.10")) as kit:
        trouble = kit.until(Trouble)
        assert trouble.kind == "python-too-old"
        assert "3.4.10" in trouble.text


def test_a_newer_python_beside_an_old_one_is_found(tmp_path: Path) -> None:
    real = shutil.which("python3", path="/usr/bin") or "/usr/bin/python3"
    env = bare_path(tmp_path, python3="echo Python 3.5.2", **{"python3.9": f'exec {real} "$@"'})
    with run_script(tmp_path, env) as kit:
        kit.write(probe_launch(interval_seconds=1).payload)
        kit.until(HostFacts)


def test_a_refused_sudo_gives_its_reason(tmp_path: Path) -> None:
    env = bare_path(
        tmp_path,
        python3="echo Python 3.11.2",
        id="echo 1000",
        sudo="echo 'sudo: a password is required' >&2; exit 1",
    )
    with run_script(tmp_path, env, "sudo") as kit:
        trouble = kit.until(Trouble)
        assert trouble.kind == "no-sudo" and trouble.fatal
        assert "a password is required" in trouble.text
        assert kit.process.wait(5) == 87


def test_sudo_runs_the_probe_when_it_may(tmp_path: Path) -> None:
    real = "/usr/bin/python3"
    env = bare_path(
        tmp_path,
        python3=f'exec {real} "$@"',
        id="echo 1000",
        sudo='[ "$1 $2" = "-n --" ] || exit 1; shift 2; exec "$@"',
    )
    with run_script(tmp_path, env, "sudo") as kit:
        kit.write(probe_launch(interval_seconds=1, become="sudo").payload)
        kit.until(HostFacts)


def test_arguments_travel_as_data_never_as_code() -> None:
    hostile = "'); __import__('os').system('touch /tmp/owned'); ('"
    launch = program_launch("process", {"pid": 1, "start_ticks": 0, "signal": 15, "note": hostile})
    assert hostile not in launch.command
    with pytest.raises(TypeError):
        program_launch("process", {"pid": object()})


def test_an_empty_stdin_ends_the_loader() -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", command(100, "none")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=10,
        env=os.environ,
    )
    assert done.returncode == 3
