"""Firmware and Python environments of a host: asked gently, each failing alone, what is unknown never shown as none."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from backends.clock import ManualClock
from backends.config.schema import PythonConfig, UpdatesConfig
from backends.errors import BadInput, RetryLater
from backends.execution import ExecResult, OnOutput
from backends.inventory.host import Host
from backends.updates.advisories import Advisories
from backends.updates.extras import (
    ALL_SECONDS,
    KEEP_FAILURE_SECONDS,
    KEEP_SECONDS,
    OUTDATED_SECONDS,
    Extras,
    ask_installed,
    environments,
)
from backends.updates.facts import Facts
from backends.updates.model import Inventory
from tests.unit.updates.captured_host import OUTPUTS, CapturedHost

VENV, TOOLS = "/srv/train/.venv", "/opt/tools/bin/python3"
ABSENT = ExecResult(exit_status=127, stderr="env: ‘fwupdmgr’: No such file or directory".encode())


def read(name: str, *, status: int = 0, stderr: str = "") -> ExecResult:
    err = (OUTPUTS / stderr).read_bytes() if stderr else b""
    return ExecResult(exit_status=status, stdout=(OUTPUTS / name).read_bytes() if name else b"", stderr=err)


UNREACHABLE = read("pip/debian12-outdated-unreachable.txt")


class Answering(CapturedHost):
    """With fwupd and a venv, unless other answers are given; takes `slow` seconds for an index's answer."""

    def __init__(self, clock: ManualClock, more: Mapping[str, str | ExecResult], slow: float = 0.0):
        usual = {
            "fwupdmgr get-updates": read("fwupd/debian12-updates.json"),
            "pip inspect": read("pip/venv-inspect.json"),
            "pip list --outdated": read("pip/venv-outdated.json"),
        }
        super().__init__(OUTPUTS, {**more, **{words: said for words, said in usual.items() if words not in more}})
        self.clock, self.slow = clock, slow
        self.roots: list[bool] = []
        self.deadlines: list[tuple[int, float]] = []

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        limit_bytes: int = 1 << 20,
        become: bool = True,
        on_output: OnOutput | None = None,
    ) -> ExecResult:
        self.roots.append(become)
        self.deadlines += [(int(argv[3]), timeout_seconds)] if argv[0] == "timeout" else []
        if "--outdated" in argv:
            self.clock.advance(min(self.slow, int(argv[3])))
        return super().run(argv)

    def count(self, word: str) -> int:
        return sum(word in argv for argv in self.asked)


class Scene:
    """One host with environments, and the advisories that are configured."""

    def __init__(
        self,
        *paths: str,
        answers: Mapping[str, str | ExecResult] | None = None,
        advisories: str = str(OUTPUTS / "osv"),
        slow: float = 0.0,
    ):
        self.clock = ManualClock()
        self.host = Answering(self.clock, answers or {}, slow)
        source = Advisories(lambda: advisories, self.clock)
        self.extras = Extras(self.clock, lambda host: paths, source)

    def add(self, **missing: str) -> Inventory:
        return self.extras.add(self.host, Inventory(host="gpu01", manager="apt", missing=missing))


def test_everything_is_found_and_added_to_what_was_known() -> None:
    found = Scene(VENV).add(dkms="not asked")
    assert found.firmware is not None and [each.candidate for each in found.firmware] == ["1.2.4"]
    (python,) = found.python
    assert (python.path, python.python, python.pip, python.packages) == (VENV, "3.11.7", "23.2.1", 5)
    assert python.outdated is not None and [each.name for each in python.outdated][:2] == ["idna", "pip"]
    assert python.vulnerable is not None
    assert [each.known_as for each in python.vulnerable] == ["CVE-2024-3651", "CVE-2024-35195", "CVE-2024-37891"]
    assert found.missing == {"dkms": "not asked"}


def test_a_host_without_fwupd_has_unknown_firmware() -> None:
    found = Scene(answers={"fwupdmgr": ABSENT}).add()
    assert (found.firmware, found.missing) == (None, {"firmware": "fwupdmgr is not installed"})


def test_a_host_with_nothing_newer_has_none() -> None:
    found = Scene(answers={"fwupdmgr": read("fwupd/debian12-nothing.json", status=2)}).add()
    assert (found.firmware, found.missing, found.python) == ((), {}, ())


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (read("fwupd/debian12-no-daemon.json", status=1), "Connection refused"),
        (ExecResult(exit_status=124), "no answer within 60 s"),
        (ExecResult(exit_status=127, stderr=b"sh: timeout: not found"), "timeout: not found"),
    ],
)
def test_fwupd_that_fails_takes_nothing_else_with_it(answer: ExecResult, why: str) -> None:
    found = Scene(VENV, answers={"fwupdmgr": answer}).add()
    assert found.firmware is None and why in found.missing["firmware"]
    assert found.python[0].outdated is not None


def test_an_index_out_of_reach_leaves_what_is_outdated_unknown_and_the_rest_known() -> None:
    found = Scene(VENV, answers={"pip list --outdated": UNREACHABLE}).add()
    (python,) = found.python
    assert python.outdated is None and python.vulnerable and python.packages == 5
    assert found.missing == {f"python {VENV}": "pip could not reach its index"}


def test_an_environment_that_is_not_there_is_told_by_name_and_the_next_one_is_asked() -> None:
    gone = ExecResult(exit_status=127, stderr=b"env: '/srv/train/.venv/bin/python': No such file or directory")
    found = Scene(VENV, TOOLS, answers={f"{VENV}/bin/python": gone}).add()
    assert "No such file" in found.missing[f"python {VENV}"]
    assert [each.packages for each in found.python] == [None, 5]


def test_a_pip_that_is_too_old_to_inspect_is_asked_in_its_own_way() -> None:
    old = read("", status=1, stderr="pip/pip22-inspect.txt")
    found = Scene(VENV, answers={"pip inspect": old, "pip list --local": read("pip/pip22-list.json")}).add()
    assert (found.python[0].packages, found.python[0].pip, found.python[0].python) == (2, "22.0.2", "")


def test_without_advisories_nothing_is_said_about_vulnerabilities() -> None:
    found = Scene(VENV, advisories="").add()
    assert found.python[0].vulnerable is None and found.missing == {}


def test_advisories_that_cannot_be_read_are_told_and_prove_nothing() -> None:
    found = Scene(VENV, advisories="/nowhere/osv").add()
    assert found.python[0].vulnerable is None and "/nowhere/osv" in found.missing["advisories"]
    assert found.python[0].outdated is not None


def test_advisories_that_are_partly_damaged_are_used_and_told(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "good.json").write_bytes((OUTPUTS / "osv/GHSA-jjg7-2v4v-x38h.json").read_bytes())
    found = Scene(VENV, advisories=str(tmp_path)).add()
    assert found.python[0].vulnerable and found.missing == {"advisories": "1 files are no advisories"}


def test_an_index_is_not_asked_every_time_and_its_answer_has_an_age() -> None:
    scene = Scene(VENV)
    first = scene.add().python[0].asked
    scene.clock.advance(KEEP_SECONDS - 1)
    assert scene.add().python[0].asked == first and scene.host.count("--outdated") == 1
    scene.clock.advance(2)
    assert scene.add().python[0].asked == scene.clock.now() and scene.host.count("--outdated") == 2


def test_an_environment_that_changed_is_asked_anew() -> None:
    scene = Scene(VENV)
    scene.add()
    changed = read("pip/venv-inspect.json").stdout.replace(b'"2.31.0"', b'"2.34.2"')
    scene.host.answers["pip inspect"] = ExecResult(exit_status=0, stdout=changed)
    scene.add()
    assert scene.host.count("--outdated") == 2


def test_an_index_that_failed_is_tried_again_sooner() -> None:
    scene = Scene(VENV, answers={"pip list --outdated": UNREACHABLE})
    scene.add()
    assert scene.add().missing and scene.host.count("--outdated") == 1
    scene.host.answers["pip list --outdated"] = read("pip/venv-outdated.json")
    scene.clock.advance(KEEP_FAILURE_SECONDS)
    assert scene.add().missing == {}


def test_slow_environments_do_not_hold_up_a_plan_for_longer_than_all_may_take() -> None:
    scene = Scene(VENV, "/b", "/c", "/d", slow=OUTDATED_SECONDS)
    before = scene.clock.monotonic()
    found = scene.add()
    assert scene.host.count("--outdated") == 2 and scene.clock.monotonic() - before == ALL_SECONDS
    assert [each.packages for each in found.python] == [5, 5, None, None]
    assert "took 150 s" in found.missing["python /d"]
    given = [here for here, _ in scene.host.deadlines]
    assert given == [60, 30, 90, 30, 60] and all(link > here for here, link in scene.host.deadlines)


def test_nothing_is_run_as_root_and_nothing_is_left_behind() -> None:
    scene = Scene(VENV, TOOLS)
    scene.add()
    assert not any(scene.host.roots)
    pips = [argv for argv in scene.host.asked if "pip" in argv]
    assert len(pips) == 4 and all({"PIP_NO_CACHE_DIR=1", "PYTHONDONTWRITEBYTECODE=1"} <= set(argv) for argv in pips)
    assert {argv[argv.index("-m") - 1] for argv in pips} == {f"{VENV}/bin/python", TOOLS}


def test_facts_bring_the_extras_also_where_the_preflight_fails() -> None:
    scene = Scene(VENV, answers={"/bin/sh": ExecResult(exit_status=1, stderr=b"broken")})
    found = Facts(scene.clock, scene.extras).add(scene.host, "none", Inventory(host="gpu01", manager="apt"))
    assert found.firmware and found.python and "preflight" in found.missing


# which environments a host has --------------------------------------------------------------------------------------

HOSTS = (Host(name="gpu01", tags=("a100",)), Host(name="gpu02", tags=("h100",)), Host(name="login1"))


def test_environments_belong_to_every_host_or_to_those_that_are_selected() -> None:
    config = UpdatesConfig(
        python_environments=(
            TOOLS,
            PythonConfig(path=VENV, hosts="tag:a100"),
            PythonConfig(path=TOOLS, hosts="gpu[01-02]"),
        )
    )
    assert environments(config, HOSTS) == {"gpu01": (TOOLS, VENV), "gpu02": (TOOLS,), "login1": (TOOLS,)}
    assert environments(UpdatesConfig(), HOSTS) == {}


def test_a_selector_that_means_nothing_is_refused() -> None:
    with pytest.raises(BadInput, match="unknown tag"):
        environments(UpdatesConfig(python_environments=(PythonConfig(path=VENV, hosts="tag:b200"),)), HOSTS)


# this machine's own pip ---------------------------------------------------------------------------------------------


class ThisMachine:
    """Runs it here."""

    host = "here"

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        limit_bytes: int = 1 << 20,
        become: bool = True,
        on_output: OnOutput | None = None,
    ) -> ExecResult:
        done = subprocess.run(argv, capture_output=True, timeout=timeout_seconds, stdin=subprocess.DEVNULL)
        return ExecResult(exit_status=done.returncode, stdout=done.stdout, stderr=done.stderr)


@pytest.mark.skipif(find_spec("pip") is None, reason="this environment has no pip")
def test_a_real_environment_is_read_offline() -> None:
    found = ask_installed(ThisMachine(), str(Path(sys.executable).parents[1]), 30.0)
    assert found.python == ".".join(map(str, sys.version_info[:3])) and found.pip
    assert {"pytest", "msgspec"} <= {each.name for each in found.packages}


def test_a_real_environment_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RetryLater, match="No such file"):
        ask_installed(ThisMachine(), str(tmp_path), 30.0)
