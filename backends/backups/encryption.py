"""Which of Borg's encryptions a new repository gets. It cannot be changed afterwards, so it is measured, and explained. Pure."""

from __future__ import annotations

from typing import Literal

from backends.backups.model import Repository
from backends.backups.onsite import Speeds
from backends.metrics.sample import Record

Mode = Literal["repokey", "repokey-blake2"]
CLEARLY = 1.1
"""Less than a tenth is noise; then it is repokey, which every Borg since 1.0 reads."""


class Choice(Record, frozen=True, kw_only=True):
    """An encryption and why."""

    mode: Mode
    why: str


def choose(repository: Repository, measured: Speeds | None) -> Choice:
    """The mode of a new repository.

    Args:
        repository: its `encryption` wins unless it is "auto".
        measured: on the machine where Borg will run; None: it could not be asked.
    """
    if repository.encryption != "auto":
        return Choice(mode=repository.encryption, why=f"{repository.encryption}, as configured.")
    if measured is None:
        return Choice(
            mode="repokey", why="repokey: the speed of hashing could not be measured, and every Borg reads it."
        )
    blake, sha = measured.blake2b / 1e6, measured.sha256 / 1e6
    if blake > sha * CLEARLY:
        return Choice(
            mode="repokey-blake2",
            why=f"repokey-blake2: BLAKE2b authenticates {blake:,.0f} MB/s here, HMAC-SHA256 {sha:,.0f} MB/s.",
        )
    return Choice(
        mode="repokey",
        why=f"repokey: HMAC-SHA256 authenticates {sha:,.0f} MB/s here, BLAKE2b {blake:,.0f} MB/s.",
    )
