"""Unified diffs: as diff -u writes them, without secrets, and never without an end."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.masking import MASK
from backends.backups.text_diff import changed_lines, counted, same_lines, unified

NAMES = ("old", "new")
texts = st.lists(st.sampled_from(["a", "b", "c", "d", "", "long line"]), max_size=25).map("\n".join)


def test_it_reads_like_diff() -> None:
    found = unified("a\nb\nc\nd\ne\nf\n", "a\nb\nc\nD\ne\nf\ng\n", names=NAMES)
    assert found == "--- old\n+++ new\n@@ -1,6 +1,7 @@\n a\n b\n c\n-d\n+D\n e\n f\n+g\n"


def test_nothing_differs() -> None:
    assert unified("a\nb\n", "a\nb\n", names=NAMES) == unified("", "", names=NAMES) == ""


def test_a_file_that_is_new_or_gone_is_all_plus_or_all_minus() -> None:
    assert unified("", "a\nb\n", names=NAMES) == "--- old\n+++ new\n@@ -0,0 +1,2 @@\n+a\n+b\n"
    assert unified("a\n", "", names=NAMES) == "--- old\n+++ new\n@@ -1 +0,0 @@\n-a\n"


@given(texts, texts)
def test_patch_would_make_the_new_text_of_the_old_one(before: str, after: str) -> None:
    """The hunks say what they mean: applied, they give the other text."""
    assert applied(before, unified(before, after, names=NAMES, mask=False)) == lines(after)


def lines(text: str) -> list[str]:
    text = text.removesuffix("\n")
    return text.split("\n") if text else []


def applied(before: str, diff: str) -> list[str]:
    old, new, place = lines(before), [], 0
    for line in diff.removesuffix("\n").split("\n")[2:] if diff else []:
        if line.startswith("@@"):
            words = line.split()[1].lstrip("-").split(",")
            begin = int(words[0]) - (words[1:] != ["0"])
            new += old[place:begin]
            place = begin
        elif line[0] in " -":
            assert old[place] == line[1:]
            new += [line[1:]] if line[0] == " " else []
            place += 1
        else:
            new.append(line[1:])
    return new + old[place:]


def test_real_patch_takes_it(tmp_path: Path) -> None:
    before = "".join(f"key{number} = {number}\n" for number in range(60))
    after = before.replace("key7 = 7", "key7 = 8").replace("key40 = 40\n", "").replace("key55", "key55b")
    (tmp_path / "file").write_text(before)
    diff = unified(before, after, names=("file", "file"))
    done = subprocess.run(["patch", "-s", "file"], cwd=tmp_path, input=diff.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "file").read_text() == after


def test_secrets_are_masked_and_their_change_still_shows() -> None:
    found = unified("user=a\npassword=hunter2\n", "user=a\npassword=hunter3\n", names=NAMES)
    assert found.splitlines()[3:] == [" user=a", f"-password={MASK}", f"+password={MASK}"]
    assert "hunter2" in unified("password=hunter2\n", "password=x3\n", names=NAMES, mask=False)


def test_a_key_that_changed_is_one_line_whatever_its_length() -> None:
    def key(body: str) -> str:
        return f"a\n-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\nb\n"

    found = unified(key("MII1\nMII2"), key("MII3"), names=NAMES)
    assert found.splitlines()[2:] == ["@@ -1,3 +1,3 @@", " a", f"-{MASK}", f"+{MASK}", " b"]


def test_hostile_lines_come_out_clean_and_short() -> None:
    found = unified("", "\x1b]52;c;aGk=\x07\x1b[2J\u202eevil\n" + "x" * 100_000 + "\n", names=("a\nb", "c"))
    assert "\x1b" not in found and "\u202e" not in found and found.splitlines()[0] == "--- a b"
    assert max(map(len, found.splitlines())) < 2100


def test_far_too_many_differences_are_only_counted() -> None:
    before, after = ("".join(f"{word} {number}\n" for number in range(9000)) for word in ("a", "b"))
    assert unified(before, after, names=NAMES).splitlines()[2:] == [
        "… 9,000 lines became 9,000: too many to compare one by one"
    ]


@pytest.mark.parametrize("lines", [["same"] * 3900, [f"{n % 7}" for n in range(3900)], ["a", "b"] * 1900])
def test_texts_made_to_be_slow_to_compare_are_not(lines: list[str]) -> None:
    began = time.monotonic()
    unified("x\n" + "\n".join(lines), "\n".join(reversed(lines)) + "\ny", names=NAMES)
    assert time.monotonic() - began < 8


@given(texts, st.randoms(use_true_random=False))
def test_the_same_lines_in_another_order_are_the_same(text: str, random: object) -> None:
    shuffled = text.split("\n")
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert same_lines(text, "\n".join(shuffled))
    assert changed_lines(text, "\n".join(shuffled)) == (0, 0)


def test_lines_are_counted_as_often_as_they_are_there() -> None:
    assert changed_lines("a\na\nb", "a\nc\nd\nd") == (3, 2)
    assert not same_lines("a\na", "a")
    assert (counted(1, "line"), counted(1204, "line"), counted(0, "line")) == ("1 line", "1,204 lines", "0 lines")
