"""The lab by hand: `python -m tests.lab up 8`, then the printed command attaches a console."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from backends.errors import BadInput, SwarmError
from tests.lab import attach, faults
from tests.lab.fleet import Lab
from tests.lab.ground import DEFAULT_NAME, Ground
from tests.lab.host import LabHost
from tests.lab.trees import LAYERS

PLAIN: dict[str, Callable[[LabHost], None]] = {
    "reboot": faults.reboot,
    "poweroff": faults.poweroff,
    "nocomeback": faults.nocomeback,
    "crash": faults.crash,
    "kill9": faults.kill9,
    "freeze": faults.freeze,
    "thaw": faults.thaw,
    "stop-sshd": faults.stop_sshd,
    "resume-sshd": faults.resume_sshd,
    "cut": faults.cut,
    "join": faults.join,
}
MEASURED: dict[str, tuple[Callable[[LabHost, int], None], str]] = {
    "slow": (faults.slow, "per cent of a core; 100: as fast as it can"),
    "memory": (faults.memory, "MiB; 0: no bound"),
    "loss": (faults.loss, "per cent of the packets; 0: none"),
    "delay": (faults.delay, "ms each way; 0: none"),
    "rate": (faults.rate, "kbit/s; 0: no bound"),
}
PLACED: dict[str, Callable[[LabHost, str], None]] = {"fill": faults.fill, "unfill": faults.unfill}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it worked, 1 when the lab could not, 64 for bad use."""
    options = _parser().parse_args(arguments)
    try:
        lab = Lab(Ground(options.name), say=lambda line: print(line, file=sys.stderr, flush=True))
        options.work(lab, options)
        return 0
    except BadInput as error:
        print(error, file=sys.stderr)
        return 64
    except SwarmError as error:
        print(error, file=sys.stderr)
        return 1


def _up(lab: Lab, options: argparse.Namespace) -> None:
    layers = dict(each.split("=", 1) for each in options.host_layer)
    took = lab.up(options.count, layer=options.layer, layers=layers, with_gpus=options.gpu)
    print(f"{len(took)} hosts answer; the last after {max(took.values()):.1f} s")
    _config(lab, options)


def _config(lab: Lab, _options: argparse.Namespace) -> None:
    print(lab.ground.config.read_text().rstrip())
    print(f"\nattach a console:   {attach.command(lab.ground)}")
    print(f"log in to a host:   ssh -F {lab.ground.ssh_config} lab1")


def _status(lab: Lab, _options: argparse.Namespace) -> None:
    for host in lab.hosts():
        memory, cpu = host.groups.memory_bytes(), host.groups.cpu_seconds()
        used = f"{(memory or 0) >> 20:5d} MiB {cpu or 0.0:7.1f} CPU-s" if host.is_on() else ""
        print(f"{host.name:8} {'up' if host.leader() else 'off':4} {host.layer:5} {host.boot_id() or '-':36} {used}")


def _ssh(lab: Lab, options: argparse.Namespace) -> None:
    argv = lab.host(options.host).ssh_argv(options.command)
    os.execvp(argv[0], argv)


def _down(lab: Lab, options: argparse.Namespace) -> None:
    if options.host:
        lab.host(options.host).power_off()
    else:
        lab.down()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description="A fleet of real hosts on this machine.")
    parser.add_argument("--name", default=DEFAULT_NAME, help="several labs may stand side by side")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command_name")
    up = _command(commands, "up", "make and start hosts, print the configuration", _up)
    up.add_argument("count", type=int, nargs="?", default=8)
    up.add_argument("--layer", default="std", choices=sorted(LAYERS), help="the kind of the hosts")
    up.add_argument("--host-layer", action="append", default=[], metavar="HOST=LAYER", help="the kind of one host")
    up.add_argument("--gpu", action="append", default=[], metavar="HOST", help="give a host eight simulated GPUs")
    _command(commands, "config", "print the configuration and how to attach", _config)
    _command(commands, "status", "which hosts run, and what they use", _status)
    down = _command(commands, "down", "stop one host or everything; files stay", _down)
    down.add_argument("host", nargs="?")
    _command(commands, "clear", "stop everything and forget the hosts", lambda lab, _: lab.clear())
    _command(commands, "wipe", "clear, and delete the cached trees", lambda lab, _: lab.wipe())
    _on_host(commands, "start", "power a host on", lambda lab, options: lab.start(options.host))
    ssh = _on_host(commands, "ssh", "log in, or run a command", _ssh)
    ssh.add_argument("command", nargs=argparse.REMAINDER)
    _add_faults(commands)
    return parser


def _add_faults(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    for name, plain in PLAIN.items():
        _on_host(
            commands, name, _first_line(plain), lambda lab, options: PLAIN[options.command_name](lab.host(options.host))
        )
    for name, (measured, unit) in MEASURED.items():
        command = _on_host(commands, name, _first_line(measured), _do_measured)
        command.add_argument("amount", type=int, help=unit)
    for name, placed in PLACED.items():
        command = _on_host(commands, name, _first_line(placed), _do_placed)
        command.add_argument("directory", nargs="?", default="/boot")


def _do_measured(lab: Lab, options: argparse.Namespace) -> None:
    MEASURED[options.command_name][0](lab.host(options.host), options.amount)


def _do_placed(lab: Lab, options: argparse.Namespace) -> None:
    PLACED[options.command_name](lab.host(options.host), options.directory)


Work = Callable[[Lab, argparse.Namespace], None]


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, words: str, work: Work
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=words, description=words)
    parser.set_defaults(work=work)
    return parser


def _on_host(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, words: str, work: Work
) -> argparse.ArgumentParser:
    parser = _command(commands, name, words, work)
    parser.add_argument("host", help="lab1, lab2, …")
    return parser


def _first_line(function: Callable[..., None]) -> str:
    return (function.__doc__ or "").splitlines()[0].replace("%", "%%")


if __name__ == "__main__":
    sys.exit(main())
