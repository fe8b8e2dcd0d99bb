"""Slurm asked and told: argv as they are, refusals as what can be done about them."""

from __future__ import annotations

import pytest

from backends.errors import AskOperator, RetryLater, SkipHost
from backends.execution import ExecResult
from backends.maintenance.drain.base import Prior
from backends.maintenance.drain.settings import DrainSettings
from backends.maintenance.drain.slurm import Slurm
from tests.unit.maintenance.drain.places import drain_place
from tests.unit.maintenance.drain.speaking import Speaking, captured

SETTINGS = DrainSettings(scheduler="slurm")
PLACE = drain_place("lab2")


def slurm(moment: str, settings: DrainSettings = SETTINGS, said: str = "") -> tuple[Slurm, Speaking]:
    """Slurm as it was at that moment; every update is refused with `said`, where there is something."""

    def answer(argv: list[str], _stdin: bytes) -> ExecResult:
        if argv[:2] == ["scontrol", "update"]:
            return ExecResult(exit_status=1 if said else 0, stderr=said.encode())
        return captured("slurm", f"{'jobs' if argv[0] == 'squeue' else 'node'}-{moment}")

    exec_ = Speaking(answer)
    return Slurm(settings, exec_), exec_


def test_standing_has_state_reason_and_jobs() -> None:
    broker, exec_ = slurm("draining")
    found = broker.standing(PLACE)
    assert (found.node, found.drained, found.who) == ("lab2", True, "root")
    assert [job.id for job in found.jobs] == ["1"]
    assert exec_.heard[0] == ["scontrol", "-o", "show", "node", "lab2"]
    assert exec_.heard[1][:4] == ["squeue", "-h", "-w", "lab2"]


def test_it_is_told_in_one_argv_each() -> None:
    broker, exec_ = slurm("idle")
    broker.drain(PLACE, "swarm r-1 alice: x")
    broker.resume(PLACE, Prior())
    assert exec_.heard == [
        ["scontrol", "update", "nodename=lab2", "state=drain", "reason=swarm r-1 alice: x"],
        ["scontrol", "update", "nodename=lab2", "state=resume"],
    ]


def test_a_controller_that_does_not_answer_is_waited_for() -> None:
    with pytest.raises(RetryLater, match=r"Slurm does not answer: .*Unable to contact slurm controller"):
        slurm("stopped")[0].standing(PLACE)


def test_a_host_that_is_no_node_is_skipped() -> None:
    with pytest.raises(SkipHost, match="knows no such node: Node nosuch not found"):
        slurm("unknown")[0].standing(drain_place("nosuch"))


def test_without_the_program_the_host_is_skipped() -> None:
    exec_ = Speaking(lambda _argv, _stdin: ExecResult(exit_status=127, stderr=b"sh: scontrol: not found"))
    with pytest.raises(SkipHost, match="no scontrol on ctl"):
        Slurm(SETTINGS, exec_).standing(PLACE)


def test_without_rights_a_person_is_asked() -> None:
    with pytest.raises(AskOperator, match="Invalid user id"):
        slurm("idle", said="slurm_update error: Invalid user id\n")[0].drain(PLACE, "x")


def test_a_node_that_cannot_be_resumed_yet_is_waited_for() -> None:
    with pytest.raises(RetryLater):
        slurm("idle", said="slurm_update error: Invalid node state specified\n")[0].resume(PLACE, Prior())


@pytest.mark.parametrize("host", ["lab[2-3]", "a b", "-h", "lab2;id", "lab2,lab3", "ALL\n", "a=b", ""])
def test_what_cannot_be_a_nodes_name_reaches_no_program(host: str) -> None:
    broker, exec_ = slurm("idle")
    with pytest.raises(SkipHost, match="cannot be a node's name"):
        broker.standing(drain_place(host))
    assert exec_.heard == []


def test_a_word_that_slurm_takes_for_another_node_is_no_node() -> None:
    with pytest.raises(SkipHost, match="knows no node 'ALL'"):
        slurm("idle")[0].standing(drain_place("ALL"))


def test_the_pattern_makes_the_nodes_name() -> None:
    broker, exec_ = slurm("idle", DrainSettings(scheduler="slurm", node="n-{host}.example"))
    with pytest.raises(SkipHost):  # what was captured is about lab2
        broker.standing(PLACE)
    assert exec_.heard[0][-1] == "n-lab2.example"
