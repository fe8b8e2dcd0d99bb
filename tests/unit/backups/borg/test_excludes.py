"""What is left out of every backup, and never what was asked for by name."""

from __future__ import annotations

from backends.backups.borg.excludes import EXCLUDES, arguments, used


def patterns(*paths: str) -> set[str]:
    return {each.pattern for each in used(paths)}


def test_every_rule_has_a_reason_and_a_style() -> None:
    assert all(each.why and each.pattern[:3] in ("sh:", "pp:", "pf:", "re:") for each in EXCLUDES)


def test_all_rules_hold_for_ordinary_paths() -> None:
    assert len(used(("/srv/models", "/home", "/"))) == len(EXCLUDES)
    words = arguments(("/srv/models",))
    assert words[:3] == ("--exclude-caches", "--exclude-if-present", ".nobackup")
    assert "--exclude=sh:**/.cache/huggingface" in words and "--exclude=pp:var/lib/docker" in words


def test_what_was_asked_for_by_name_is_not_left_out() -> None:
    assert "sh:**/wandb" not in patterns("/srv/wandb/run-1", "/srv/models")
    assert "pp:var/lib/docker" not in patterns("/var/lib/docker/volumes")
    assert "sh:**/.cache/huggingface" not in patterns("/root/.cache/huggingface")
    assert "sh:**/*.tmp" not in patterns("/srv/odd.tmp/x")
    assert "re:(^|/)core(\\.[0-9]+)+$" not in patterns("/srv/core.17")
    assert "pf:swapfile" not in patterns("/swapfile")
    assert "sh:**/wandb" in patterns("/srv/wandb-old")
