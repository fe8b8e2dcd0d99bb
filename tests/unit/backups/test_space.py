"""Room in words: the reserve, the quota, and when the next backup may not fit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.encryption import choose
from backends.backups.model import Repository
from backends.backups.onsite import Look, Speeds
from backends.backups.space import SLACK_BYTES, borg_size, problem, room

REPOSITORY = Repository(name="vault", host="gpu01", location="/srv/borg/gpu01")
GB = 10**9


def look(*, free: int = 500 * GB, stored: int = 10 * GB, reserve: str = "2147483648", quota: str = "0") -> Look:
    settings = {"additional_free_space": reserve, "storage_quota": quota}
    return Look(host_id="vault@1", now=0.0, made=True, free=free, total=1000 * GB, settings=settings, data_bytes=stored)


class TestSizes:
    @pytest.mark.parametrize(
        ("text", "found"),
        [("0", 0), ("2G", 2 * GB), ("500M", 500_000_000), ("1.5T", 0), ("12345", 12345), ("10kB", 10_000)],
    )
    def test_borgs_sizes_are_decimal(self, text: str, found: int) -> None:
        assert borg_size(text) == found

    @given(st.text(max_size=40))
    def test_anything_else_is_none(self, text: str) -> None:
        assert borg_size(text) >= 0


class TestRoom:
    def test_the_reserve_is_not_free(self) -> None:
        assert room(look(free=3 * GB, reserve="2G")).free == 1 * GB
        assert room(look(free=1 * GB, reserve="2G")).free == 0

    def test_nothing_is_wrong_while_there_is_room(self) -> None:
        assert problem(REPOSITORY, room(look())) is None

    def test_a_disk_that_is_full_up_to_the_reserve_is_explained_with_what_to_do(self) -> None:
        cause = problem(REPOSITORY, room(look(free=2 * GB + SLACK_BYTES - 1, reserve="2G")))
        assert cause is not None and cause.code == "no-space"
        assert "what is there stays good" in cause.text and "compact" in cause.next_step
        assert any(line.startswith("free without the reserve: 64M") for line in cause.evidence)

    def test_a_quota_that_is_nearly_used_is_explained(self) -> None:
        assert problem(REPOSITORY, room(look(stored=94 * GB, quota="100G"))) is None
        cause = problem(REPOSITORY, room(look(stored=96 * GB, quota="100G")))
        assert cause is not None and cause.code == "quota" and "96% of its quota" in cause.text


class TestChoosingAnEncryption:
    def test_the_faster_one_wins_with_its_numbers(self) -> None:
        blake = choose(REPOSITORY, Speeds(sha256=400e6, blake2b=900e6))
        assert (blake.mode, blake.why) == (
            "repokey-blake2",
            "repokey-blake2: BLAKE2b authenticates 900 MB/s here, HMAC-SHA256 400 MB/s.",
        )
        assert choose(REPOSITORY, Speeds(sha256=1900e6, blake2b=900e6)).mode == "repokey"

    def test_a_difference_within_noise_is_none(self) -> None:
        assert choose(REPOSITORY, Speeds(sha256=900e6, blake2b=930e6)).mode == "repokey"

    def test_without_a_measurement_it_is_what_every_borg_reads(self) -> None:
        assert choose(REPOSITORY, None).mode == "repokey"

    def test_what_is_configured_wins(self) -> None:
        fixed = Repository(name="vault", host="gpu01", location="/x", encryption="repokey-blake2")
        assert choose(fixed, Speeds(sha256=9e9, blake2b=1e6)).mode == "repokey-blake2"
