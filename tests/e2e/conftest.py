"""What every end-to-end test of SSH starts from: a fleet of real sshds."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.lab.userlab import Fleet, available


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    """One running host, h1; tests add more with `fleet.add()`. Where CI installs things, sshd must be there."""
    if not available():
        missing = "no sshd or ssh-keygen on this machine: install openssh-server"
        if os.environ.get("CI"):
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)
    with Fleet.up(1) as lab:
        yield lab
