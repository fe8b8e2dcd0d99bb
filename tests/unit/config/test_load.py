"""The file that counts is found, read whole, and every way in which it cannot be read is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.config.load import MAX_BYTES, config_path, examine, examine_bytes, load, located
from backends.config.problem import Problem
from backends.config.schema import Config
from backends.errors import BadInput


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path


def write(folder: Path, text: str) -> Path:
    file = folder / "swarm-tui" / "config.toml"
    file.parent.mkdir()
    file.write_text(text)
    return file


def test_without_a_file_everything_has_its_default() -> None:
    assert load() == Config()
    assert load("") == Config()


def test_the_usual_file_is_read(home: Path) -> None:
    write(home, '[engine]\nfleet_name = "north"\n')
    assert load().engine.fleet_name == "north"


def test_a_named_file_must_exist(home: Path) -> None:
    with pytest.raises(BadInput, match="no such file") as caught:
        load(home / "nowhere.toml")
    assert "config sample" in (caught.value.hint or "")


def test_naming_the_usual_file_is_no_reason_to_refuse(home: Path) -> None:
    assert load(home / "swarm-tui" / "config.toml") == Config()


def test_all_problems_are_in_the_one_error(home: Path) -> None:
    write(home, '[ssh]\nusr = 1\nbecome = "x"\n')
    with pytest.raises(BadInput) as caught:
        load()
    assert "2 problems" in caught.value.message
    assert "ssh.usr" in caught.value.message
    assert "ssh.become" in caught.value.message


def test_one_problem_is_one_sentence_with_a_hint(home: Path) -> None:
    file = write(home, "[ssh]\nusr = 1\n")
    with pytest.raises(BadInput) as caught:
        load()
    assert caught.value.message == f"{file}:2: ssh.usr: unknown key"
    assert caught.value.hint == 'did you mean "user"?'


def test_a_file_that_cannot_be_opened_is_told(home: Path) -> None:
    write(home, "").unlink()
    (home / "swarm-tui" / "config.toml").symlink_to("config.toml")  # a link to itself: not even root can read it
    assert "cannot be read" in examine()[1][0].message


def test_a_folder_is_no_configuration(home: Path) -> None:
    (home / "swarm-tui" / "config.toml").mkdir(parents=True)
    assert "cannot be read" in examine()[1][0].message


def test_other_encodings_are_refused_with_the_line() -> None:
    _, problems = examine_bytes(b'[ssh]\nuser = "\xe9"\n', "c.toml")
    assert (problems[0].line, problems[0].message) == (2, "not UTF-8 text")


def test_a_byte_order_mark_and_windows_line_ends_are_fine() -> None:
    config, problems = examine_bytes(b'\xef\xbb\xbf[ssh]\r\nuser = "x"\r\n', "c.toml")
    assert problems == []
    assert config is not None
    assert config.ssh.user == "x"


def test_an_enormous_file_is_refused() -> None:
    assert "MiB" in examine_bytes(b"#" * (MAX_BYTES + 1), "c.toml")[1][0].message


def test_the_home_directory_is_expanded() -> None:
    assert config_path("~/x.toml") == Path.home() / "x.toml"


def test_a_problem_with_a_key_gets_its_file_and_line(home: Path) -> None:
    file = write(home, '[alerts]\n[[alerts.rules]]\nname = "x"\n')
    whole, part = located([Problem(message="m", key="alerts.rules.0.name"), Problem(message="m", key="alerts.off")])
    assert (whole.file, whole.line, part.line) == (str(file), 3, 1)
    file.unlink()
    assert located([whole])[0].line is None
    assert located([]) == []
