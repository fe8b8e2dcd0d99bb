"""How the machine of a repository is reached: locations taken apart, argv that nothing can be smuggled into."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.model import Repository
from backends.backups.vault import Location, Vaults, parse, plain_ssh, relayed
from backends.errors import AskOperator, BadInput, RetryLater
from backends.execution import ExecResult, OnOutput

HERE = Repository(name="local", host="gpu01", location="/srv/borg/gpu01")
THERE = msgspec.structs.replace(HERE, name="vault", location="ssh://backup@vault:2222/srv/borg/gpu 01")


class FakeExec:
    """Answers each command by its first word that has an answer."""

    def __init__(self, **answers: ExecResult):
        self.host = "engine"
        self.asked: list[list[str]] = []
        self._answers = answers

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        limit_bytes: int = 1 << 20,
        become: bool = True,
        on_output: OnOutput | None = None,
    ) -> ExecResult:
        self.asked.append(list(argv))
        name = "settings" if "-G" in argv else argv[0].replace("-", "_")
        return self._answers.get(name, ExecResult(0))


def vaults(**answers: ExecResult) -> tuple[Vaults, FakeExec]:
    local = FakeExec(**answers)
    return Vaults(plain_ssh, local), local


@pytest.mark.parametrize(
    ("location", "parts"),
    [
        ("ssh://vault/srv/b", Location(host="vault", path="/srv/b")),
        ("ssh://me@vault:2222/srv/b", Location(user="me", host="vault", port=2222, path="/srv/b")),
        ("ssh://u1@u1.example/./b", Location(user="u1", host="u1.example", path="/./b")),
    ],
)
def test_locations_are_taken_apart(location: str, parts: Location) -> None:
    assert parse(location) == parts


@pytest.mark.parametrize(
    "location",
    [
        "/srv/b",
        "ssh://vault",
        "ssh:///srv",
        "ssh://-oProxyCommand=reboot/srv",
        "ssh://-l@vault/srv",
        "ssh://vault:0/srv",
        "ssh://vault:99999/srv",
        "ssh://vault/srv\nx",
        "ssh://va ult/srv",
    ],
)
def test_what_is_no_location_is_refused(location: str) -> None:
    with pytest.raises(BadInput):
        parse(location)


@given(st.text(max_size=40))
def test_any_text_is_a_location_without_options_or_is_refused(text: str) -> None:
    try:
        found = parse(f"ssh://{text}")
    except BadInput:
        return
    assert not found.host.startswith("-") and not found.user.startswith("-")
    assert found.path.startswith("/")


def test_paths_relative_to_the_accounts_home() -> None:
    found, _ = vaults()
    assert found.path(HERE) == "/srv/borg/gpu01"
    assert found.path(THERE) == "/srv/borg/gpu 01"
    home = msgspec.structs.replace(THERE, location="ssh://u1@box/./b/gpu01")
    assert found.path(home) == "b/gpu01"


def test_a_host_learns_neither_name_nor_account_of_the_vault() -> None:
    assert relayed(HERE) == "ssh://swarm/srv/borg/gpu01"
    assert relayed(THERE) == "ssh://swarm/srv/borg/gpu 01"


def test_what_serves_here_is_bound_to_exactly_this_repository() -> None:
    found, _ = vaults()
    assert found.serve(HERE) == (
        "borg",
        "serve",
        "--append-only",
        "--restrict-to-repository=/srv/borg/gpu01",
    )
    assert "--append-only" not in found.serve(HERE, append_only=False)


def test_what_serves_there_goes_through_ssh_as_one_quoted_line() -> None:
    found, _ = vaults()
    *client, dashes, host, line = found.serve(THERE)
    assert (dashes, host) == ("--", "vault")
    assert client[0] == "ssh" and client[-4:] == ["-l", "backup", "-p", "2222"]
    assert client[1:3] == ["-o", "BatchMode=yes"] and "StrictHostKeyChecking=yes" in client
    assert line == "borg serve --append-only '--restrict-to-repository=/srv/borg/gpu 01'"


def test_borgs_own_shell_has_no_address() -> None:
    found, _ = vaults()
    assert found.rsh(HERE) == ()
    assert "vault" not in found.rsh(THERE) and "--" not in found.rsh(THERE)
    assert found.rsh(THERE)[:3] == ("ssh", "-o", "BatchMode=yes")


def test_commands_there_run_through_the_client_as_the_account() -> None:
    found, local = vaults(ssh=ExecResult(0, stdout=b"ok"))
    way = found.way(THERE)
    assert way.host == "vault"
    assert way.run(["df", "-P", "/srv/it's"]).stdout == b"ok"
    assert local.asked[0][-3:-1] == ["--", "vault"]
    assert "sudo" not in " ".join(local.asked[0])
    assert found.way(HERE) is local


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"backup@vault: Permission denied (publickey).", AskOperator),
        (b"Host key verification failed.", AskOperator),
        (b"ssh: connect to host vault port 22: No route to host", RetryLater),
        (b"", RetryLater),
    ],
)
def test_why_the_client_failed(said: bytes, error: type[Exception]) -> None:
    found, _ = vaults(ssh=ExecResult(255, stderr=said))
    with pytest.raises(error):
        found.way(THERE).run(["true"])


def test_the_keys_that_this_machine_trusts_the_vault_by() -> None:
    settings = b"hostname vault.example\nport 2222\nuserknownhostsfile /a /b\nglobalknownhostsfile /c\n"
    known = b"# Host [vault.example]:2222 found: line 3\n|1|x=|y= ssh-ed25519 AAAA1 comment\n@revoked * ssh-rsa AAAA2\n"
    found, local = vaults(settings=ExecResult(0, stdout=settings), ssh_keygen=ExecResult(0, stdout=known))
    assert found.host_keys(THERE) == ("ssh-ed25519 AAAA1",)
    assert local.asked[1] == ["ssh-keygen", "-F", "[vault.example]:2222", "-f", "/a"]
    assert len(local.asked) == 4


def test_a_vault_whose_key_is_not_known_asks_for_an_operator() -> None:
    found, _ = vaults(settings=ExecResult(0, stdout=b"userknownhostsfile /a\n"), ssh_keygen=ExecResult(1))
    with pytest.raises(AskOperator, match="no host key"):
        found.host_keys(THERE)
