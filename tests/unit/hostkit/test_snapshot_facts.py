"""Facts: commands that are not there, fail, hang, flood or are plenty; none of them costs the snapshot."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from backends.backups.snapshot_model import FactState, Snapshot
from backends.backups.snapshots import PARTS, arguments
from backends.hostkit.bundle import pack
from backends.hostkit.travel import command
from tests.unit.backups.snapshot_case import SHELL, taken
from tests.unit.hostkit.kit import eventually, is_alive
from tests.unit.hostkit.parts import plant


def programs(folder: Path, **scripts: str) -> dict[str, str]:
    """Shell scripts as the only programs; the environment in which they are found."""
    for name, text in scripts.items():
        place = plant(folder, {name: f"#!/bin/sh\n{text}\n"}) / name
        place.chmod(0o755)
    return {"ASKPATH": str(folder)}


def fact(name: str, *steps: list[str], **more: Any) -> dict[str, Any]:
    return {"name": name, "steps": list(steps), **more}


@pytest.fixture
def facts_of(tmp_path: Path) -> Any:
    """Takes a snapshot of nothing but facts."""

    def take(facts: list[dict[str, Any]], scripts: dict[str, str], **more: Any) -> Snapshot:
        environment = programs(tmp_path / "bin", **scripts)
        (tmp_path / "host").mkdir()
        return taken(tmp_path / "host", environment=environment, facts=facts, **more)

    return take


def test_outputs_are_kept_normalised_with_how_it_went(facts_of: Any) -> None:
    found = facts_of([fact("letters", ["letters"], rules={"sort": True})], {"letters": "echo b; echo a; exit 3"})
    assert found.facts == {"letters": "a\nb\n"}
    assert found.meta.facts["letters"].rc == 3 and found.meta.facts["letters"].error == ""


def test_a_program_that_is_not_there_is_noted_and_no_error(facts_of: Any) -> None:
    found = facts_of([fact("gone", ["gone"]), {"name": "file", "file": "/nowhere/at/all"}], {})
    assert found.facts == {} and found.meta.absent == ("file", "gone") and found.meta.facts == {}


def test_one_that_fails_without_a_word_on_stdout_says_why(facts_of: Any) -> None:
    found = facts_of([fact("broken", ["broken"]), fact("silent", ["silent"])], {"broken": "echo no bus >&2; exit 1", "silent": "exit 9"})  # fmt: skip
    assert found.facts == {}
    assert found.meta.facts["broken"].error == "no bus"
    assert found.meta.facts["silent"].error == "it ended with 9 and said nothing"


def test_one_that_hangs_costs_its_own_time_only_and_leaves_nothing_behind(facts_of: Any, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    began = time.monotonic()
    found = facts_of(
        [fact("hangs", ["hangs"]), fact("fine", ["fine"])],
        {"hangs": f"sleep 300 & echo $! >{pid}; wait", "fine": "echo fine"},
        fact_seconds=1,
    )
    assert time.monotonic() - began < 15
    assert found.facts == {"fine": "fine\n"}
    assert found.meta.facts["hangs"].error == "no answer within 1 s" and found.meta.facts["hangs"].rc is None
    assert eventually(lambda: not is_alive(int(pid.read_text())))


def test_one_that_closes_its_output_and_lives_on_is_ended(facts_of: Any) -> None:
    found = facts_of([fact("sly", ["sly"])], {"sly": "echo x; exec >/dev/null 2>&1; sleep 300"}, fact_seconds=1)
    assert found.facts == {"sly": "x\n"} and found.meta.facts["sly"].rc == -9


def test_when_the_link_is_lost_nothing_is_left_running(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    environment = programs(tmp_path / "bin", hangs=f"echo $$ >{pid}.new; mv {pid}.new {pid}; sleep 300")
    told = arguments("config") | {"top": str(plant(tmp_path / "host", {"etc/x": ""}).resolve()), "lists": {}}
    payload = pack("snapshot", PARTS, told | {"facts": [fact("hangs", ["hangs"])]})
    with subprocess.Popen(
        [*SHELL, command(len(payload), "none", apart=True)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **environment},
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(payload)
        process.stdin.flush()
        assert eventually(pid.exists)
        process.stdout.close()
        assert process.wait(15) == 1
    assert eventually(lambda: not is_alive(int(pid.read_text())))


def test_all_of_them_together_have_an_end(facts_of: Any) -> None:
    many = [fact(f"f{number}", ["hangs"]) for number in range(12)]
    began = time.monotonic()
    found = facts_of(many, {"hangs": "exec sleep 300"}, fact_seconds=1, facts_seconds=2)
    assert time.monotonic() - began < 15
    assert {state.error for state in found.meta.facts.values()} == {"no answer within 1 s", "no time was left for it"}


def test_a_flood_is_cut_off(facts_of: Any) -> None:
    found = facts_of([fact("flood", ["flood"])], {"flood": "head -c 9000000 /dev/zero | tr '\\0' x; echo"})
    assert len(found.facts["flood"]) <= (4 << 20) + 1
    assert found.meta.facts["flood"].note == "cut off at 4194304 bytes"


def test_of_several_the_first_that_is_there_answers(facts_of: Any) -> None:
    steps = (["dpkg-query"], ["rpm", "-qa"], ["pacman"])
    found = facts_of([fact("packages", *steps, first=True)], {"rpm": 'echo "rpm $1"', "pacman": "echo pacman"})
    assert found.facts == {"packages": "rpm -qa\n"}


def test_several_commands_are_told_apart(facts_of: Any) -> None:
    found = facts_of([fact("two", ["one", "-a"], ["other"])], {"one": "echo 1", "other": "echo 2; exit 1"})
    assert found.facts == {"two": "# one -a\n1\n# other\n2\n"} and found.meta.facts["two"].rc == 1


def test_a_command_is_repeated_for_every_place(facts_of: Any, tmp_path: Path) -> None:
    plant(tmp_path / "net", {"eth0/device": "", "eth1/device": "", "lo/mtu": ""})
    each = fact("ethtool", ["ethtool", "{name}"], each=f"{tmp_path}/net/*/device", parent=True)
    found = facts_of([each], {"ethtool": 'echo "of $1"'})
    assert found.facts == {"ethtool": "# ethtool eth0\nof eth0\n# ethtool eth1\nof eth1\n"}


def test_what_one_prints_is_given_to_the_next(facts_of: Any) -> None:
    steps = (["docker", "ps"], ["docker", "inspect"])
    script = 'if [ "$1" = ps ]; then echo a; echo b; else echo "$@"; fi'
    assert facts_of([fact("x", *steps, feed=True)], {"docker": script}).facts == {"x": "inspect a b\n"}


def test_nothing_to_be_given_ends_it(facts_of: Any) -> None:
    steps = (["docker", "ps"], ["docker", "inspect"])
    assert facts_of([fact("x", *steps, feed=True)], {"docker": "[ $1 = ps ]"}).facts == {"x": ""}


def test_the_hosts_name_stands_for_itself_and_commands_get_a_plain_environment(facts_of: Any) -> None:
    found = facts_of([fact("x", ["x", "{host}"])], {"x": 'echo "$1 $LC_ALL $TZ $HOME"'})
    assert found.facts["x"] == f"{found.meta.host} C.UTF-8 UTC /root\n"


def test_hostile_output_comes_out_clean(facts_of: Any) -> None:
    found = facts_of([fact("x", ["x"])], {"x": r"printf '\033]52;c;aGk=\007\033[2Jok\377\n'"})
    assert "\x1b" not in found.facts["x"] and found.facts["x"].startswith("ok")


def test_python_packages_are_listed_without_running_anybodys_python(tmp_path: Path) -> None:
    place = "lib/python3.11/site-packages"
    plant(
        tmp_path,
        {
            f"opt/vllm/{place}/torch-2.8.0.dist-info/METADATA": "",
            f"home/ann/llm/.venv/{place}/numpy-1.26.4.dist-info/METADATA": "",
            "opt/conda/conda-meta/openssl-3.0.13-h7f8727e_0.json": "{}",
            "opt/vllm/bin/python3": "#!/bin/sh\ntouch /tmp/run",
        },
    )
    from backends.backups.snapshot_facts import LISTS

    assert taken(tmp_path, lists=LISTS).facts["python-packages"].splitlines() == [
        "/home/ann/llm/.venv numpy==1.26.4",
        "/opt/conda openssl=3.0.13=h7f8727e_0",
        "/opt/vllm torch==2.8.0",
    ]


def test_cached_models_are_listed_by_revision(tmp_path: Path) -> None:
    hub = "root/.cache/huggingface/hub"
    plant(tmp_path, {f"{hub}/models--meta--llama/refs/main": "abc123", f"{hub}/models--meta--llama/blobs/x": "weights"})
    from backends.backups.snapshot_facts import LISTS

    assert taken(tmp_path, lists=LISTS).facts == {"models": f"/{hub}/models--meta--llama/refs/main = abc123\n"}


def test_states_say_nothing_where_nothing_was_to_say() -> None:
    assert FactState() == FactState(rc=None, seconds=0.0, error="", note="")
