"""The command lines of what remains: each is exactly this."""

from __future__ import annotations

import pytest

from backends.backups.borg import break_lock, config, delete, export_tar, extract, init, key, mount, serve
from backends.backups.borg.dialect import Dialect
from backends.errors import BadInput, SkipHost
from tests.borgs import DIALECTS

REPO = "/srv/repo"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_init(dialect: Dialect) -> None:
    assert init.argv(dialect, REPO, encryption="repokey", quota_bytes=10**10) == (
        *("borg", "--log-json", "init", "--encryption", "repokey", "--make-parent-dirs"),
        *("--append-only", "--storage-quota", "10000000000", REPO),
    )
    assert "--append-only" not in init.argv(dialect, REPO, encryption="repokey-blake2", append_only=False)
    for wrong in ("auto", "none", "keyfile"):
        with pytest.raises(BadInput):
            init.argv(dialect, REPO, encryption=wrong)
    with pytest.raises(BadInput, match="too small"):
        init.argv(dialect, REPO, encryption="repokey", quota_bytes=5)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_extract(dialect: Dialect) -> None:
    assert extract.argv(dialect, REPO, "a", ("etc/-x",), strip=1) == (
        *("borg", "--log-json", "--progress", "extract", "--strip-components", "1"),
        *("/srv/repo::a", "pp:etc/-x"),
    )
    assert extract.argv(dialect, REPO, "a", dry_run=True, progress=False) == (
        *("borg", "--log-json", "extract", "--dry-run"),
        "/srv/repo::a",
    )
    assert extract.argv(dialect, REPO, "a", ("x",), to_stdout=True)[:4] == ("borg", "--log-json", "extract", "--stdout")
    with pytest.raises(BadInput):
        extract.argv(dialect, REPO, "a", strip=-1)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_export_tar(dialect: Dialect) -> None:
    assert export_tar.argv(dialect, REPO, "a", ("etc",), strip=2, progress=False) == (
        *("borg", "--log-json", "export-tar", "--strip-components", "2"),
        *("/srv/repo::a", "-", "pp:etc"),
    )


def test_delete_is_never_of_a_repository() -> None:
    assert delete.argv(Dialect(), REPO, "a")[-2:] == ("delete", "/srv/repo::a")
    with pytest.raises(BadInput):
        delete.argv(Dialect(), REPO, "")


def test_keys() -> None:
    assert key.export_argv(Dialect(), REPO) == ("borg", "--log-json", "key", "export", REPO)
    assert key.export_argv(Dialect(), REPO, "paper", "/run/k")[3:] == ("export", "--paper", REPO, "/run/k")
    assert "--qr-html" in key.export_argv(Dialect(), REPO, "qr")
    assert key.import_argv(Dialect(), REPO, "/run/k")[3:] == ("import", REPO, "/run/k")
    for wrong in ("k", "-", "/a\0"):
        with pytest.raises(BadInput):
            key.import_argv(Dialect(), REPO, wrong)


def test_settings() -> None:
    assert config.argv(Dialect(), REPO, config.RESERVE, "2G") == (
        *("borg", "--log-json", "config", REPO),
        *("additional_free_space", "2G"),
    )
    for path, name, value in (("repo", "x", ""), (REPO, "x y", ""), (REPO, "x", "a b"), (REPO, "", "")):
        with pytest.raises(BadInput):
            config.argv(Dialect(), path, name, value)


def test_serve_is_restricted_to_exactly_one_repository() -> None:
    assert serve.argv(None, REPO, program="/opt/borg", quota_bytes=10**10) == (
        *("/opt/borg", "serve", "--append-only", "--restrict-to-repository=/srv/repo"),
        *("--storage-quota", "10000000000"),
    )
    assert serve.argv(None, REPO, append_only=False) == ("borg", "serve", "--restrict-to-repository=/srv/repo")
    with pytest.raises(BadInput):
        serve.argv(None, "repo")


def test_mounts_need_fuse() -> None:
    assert mount.argv(Dialect(fuse=True), REPO, "a", "/mnt/a", foreground=True) == (
        *("borg", "--log-json", "mount", "--foreground"),
        *("/srv/repo::a", "/mnt/a"),
    )
    assert mount.argv(Dialect(), REPO, "", "/mnt/a")[-2:] == (REPO, "/mnt/a")
    assert mount.umount_argv(Dialect(), "/mnt/a") == ("borg", "--log-json", "umount", "/mnt/a")
    with pytest.raises(SkipHost, match="FUSE"):
        mount.argv(Dialect(fuse=False), REPO, "a", "/mnt/a")
    with pytest.raises(BadInput):
        mount.argv(Dialect(), REPO, "a", "mnt")


def test_break_lock() -> None:
    assert break_lock.argv(Dialect(), REPO) == ("borg", "--log-json", "break-lock", REPO)
