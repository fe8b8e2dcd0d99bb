"""Facts of this machine: the kit's own code, run here."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

import pytest

from backends.sources import local_facts
from backends.sources.local_facts import boot_id, read_facts


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is read")
def test_the_boot_id_is_the_kernels() -> None:
    assert boot_id() == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert read_facts().boot_id == boot_id()


def test_the_facts_name_this_machine() -> None:
    facts = read_facts()
    assert (facts.kernel, facts.architecture) == (platform.release(), platform.machine())
    assert (facts.cpu_count, facts.kit_version) == (os.cpu_count(), "local")
    assert facts.memory_total_bytes == pytest.approx(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), rel=0.01)
    assert facts.hostname and facts.system and facts.user


def test_a_platform_without_proc_has_facts_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_facts, "LINUX", False)
    facts = read_facts()
    assert facts.hostname == platform.node()
    assert (facts.python, facts.cpu_count) == (platform.python_version(), os.cpu_count())
    assert facts.system and facts.boot_id and facts.memory_total_bytes
