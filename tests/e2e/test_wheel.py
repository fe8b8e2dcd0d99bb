"""What is published works: the wheel is built, put into an empty environment and started from there."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a clean copy of the tree, so that nothing of an earlier build slips in."""
    place = tmp_path_factory.mktemp("wheel")
    listed = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=checkout).split("\0")
    for name in (each for each in listed if each and (checkout / each).is_file()):
        target = place / "tree" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((checkout / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    run([*pip, "--wheel-dir", str(place), str(place / "tree")])
    (built,) = place.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`swarm-tui` in an environment that holds the wheel; its dependencies are borrowed from this environment."""
    place = tmp_path_factory.mktemp("empty") / "venv"
    venv.create(place, with_pip=False, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--python", str(place), "install", "--quiet", "--no-deps", "--no-index"]
    run([*pip, str(wheel)])
    (packages,) = place.glob("lib/python3*/site-packages")
    # a path alone: .pth files in there, which make the checkout importable, are not followed
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return place / "bin/swarm-tui"


def test_it_holds_everything_the_packages_need(wheel: Path, checkout: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        str(path.relative_to(checkout))
        for top in ("backends", "swarm_tui")
        for path in (checkout / top).rglob("*")
        if path.is_file() and path.suffix not in (".pyc", ".pyo")
    }
    assert wanted - names == set()
    assert {name for name in names if name.split("/")[0] not in ("backends", "swarm_tui")} == {
        name for name in names if ".dist-info/" in name
    }


def test_it_runs_from_the_wheel_and_not_from_the_checkout(program: Path, tmp_path: Path) -> None:
    where = run([str(program.with_name("python")), "-c", "import backends; print(backends.__file__)"], cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(program.parent.parent)


def test_help_names_the_subcommands(program: Path, tmp_path: Path) -> None:
    text = run([str(program), "--help"], cwd=tmp_path)
    for name in ("status", "exec", "ssh", "hosts", "engine", "config", "record", "replay"):
        assert name in text


def test_the_sample_configuration_is_valid_toml(program: Path, tmp_path: Path) -> None:
    sample = run([str(program), "config", "sample"], cwd=tmp_path)
    tomllib.loads(sample)
    assert "[ssh]" in sample


def test_an_engine_starts_and_answers(program: Path, tmp_path: Path) -> None:
    """The engine needs files that only a complete wheel brings: host programs, migrations, style sheets."""
    try:
        hosts = run([str(program), "status", "--json"], cwd=tmp_path, accept=(0, 1, 2, 3))
        assert hosts.lstrip().startswith("[")
    finally:
        run([str(program), "engine", "stop"], cwd=tmp_path, accept=(0, 1, 2, 3))


def run(argv: list[str], *, cwd: Path | None = None, accept: tuple[int, ...] = (0,)) -> str:
    """The output of a program that must end well. The environment of the caller's Python is kept out."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode in accept, f"{argv} ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout
