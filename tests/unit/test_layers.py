"""The direction of the design holds: who may import whom, and what is never loaded by what."""

from __future__ import annotations

import ast
import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

TEXTUAL, RICH = "textual", "rich"
PROGRAM = """
import importlib, pkgutil, sys
import {package}
for module in pkgutil.walk_packages({package}.__path__, "{package}."):
    if ".programs." not in module.name:
        importlib.import_module(module.name)
loaded = sorted(name for name in sys.modules if name.split(".")[0] in {unwanted})
print(" ".join(loaded))
"""
OLDEST_ON_A_HOST = (3, 6)


def test_the_layers_hold(checkout: Path) -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=checkout, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("package", "unwanted"),
    [("backends", (TEXTUAL, RICH)), ("swarm_tui.cli", (TEXTUAL, "")), ("swarm_tui.present", (TEXTUAL, ""))],
)
def test_what_needs_no_screen_never_loads_one(checkout: Path, package: str, unwanted: tuple[str, ...]) -> None:
    argv = [sys.executable, "-c", PROGRAM.format(package=package, unwanted=unwanted)]
    done = subprocess.run(argv, cwd=checkout, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_what_runs_on_hosts_needs_the_standard_library_alone(checkout: Path) -> None:
    programs = checkout / "backends/hostkit/programs"
    brought = {"pynvml", "backends"} | {
        path.stem for path in programs.glob("*.py")
    }  # travel along; backends: see below
    imported = {name: path for path in programs.glob("*.py") for name in top_level_imports(path)}
    assert imported, "no host program found"
    assert {name: str(path) for name, path in imported.items() if name not in sys.stdlib_module_names | brought} == {}


def test_what_runs_on_hosts_imports_nothing_of_the_engine(checkout: Path) -> None:
    for path in (checkout / "backends/hostkit/programs").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("backends"):
                assert node.module == "backends.hostkit.programs", f"{path.name} imports {node.module}"


def test_what_runs_on_hosts_is_python_3_6(checkout: Path) -> None:
    for path in (checkout / "backends/hostkit/programs").glob("*.py"):
        ast.parse(path.read_text(), str(path), feature_version=OLDEST_ON_A_HOST)


def test_every_package_the_product_imports_is_declared(checkout: Path) -> None:
    brought_by = importlib.metadata.packages_distributions()
    declared = {word_of(each) for each in importlib.metadata.requires("swarm-tui") or () if "extra ==" not in each}
    undeclared = {}
    for path in (*(checkout / "backends").rglob("*.py"), *(checkout / "swarm_tui").rglob("*.py")):
        if "programs" in path.parts:
            continue
        for name in top_level_imports(path) - set(sys.stdlib_module_names) - {"backends", "swarm_tui"}:
            if not {each.lower() for each in brought_by.get(name, ())} & declared:
                undeclared[name] = str(path.relative_to(checkout))
    # rich is Textual's own renderer, cryptography is paramiko's: both are part of the other's public interface
    assert {name: path for name, path in undeclared.items() if name not in ("rich", "cryptography")} == {}


def test_packages_hold_no_code_in_their_init(checkout: Path) -> None:
    inits = [path for top in ("backends", "swarm_tui", "tests") for path in (checkout / top).rglob("__init__.py")]
    assert [str(path) for path in inits if path.stat().st_size] == []


def top_level_imports(path: Path) -> set[str]:
    """The first name of every absolute import in a file, wherever it stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found


def word_of(requirement: str) -> str:
    """The lower-case name at the front of a requirement."""
    return "".join(letter if letter.isalnum() or letter in "-_." else " " for letter in requirement).split()[0].lower()
