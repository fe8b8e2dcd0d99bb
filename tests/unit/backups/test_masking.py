"""Secrets never reach a screen: every form in which configuration writes them, and no length told. Rather too much."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.masking import MASK, masked, pieces

KEY_32 = "GCN5Z3Xc0zY1y1k2Qm5oJt3v7p9rXwLhE8uB4aN6dVs="


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("password = hunter2", f"password = {MASK}"),
        ("  db_password: hunter2 with words", f"  db_password: {MASK}"),
        ('{"password": "hunter2", "user": "bob"}', f'{{"password": "{MASK}", "user": "bob"}}'),
        ("'api_key': 'hunter2',", f"'api_key': '{MASK}',"),
        ("export HF_TOKEN=hunter2", f"export HF_TOKEN={MASK}"),
        ('Environment="WANDB_API_KEY=hunter2"', f'Environment="WANDB_API_KEY={MASK}'),
        ("StoragePass=hunter2", f"StoragePass={MASK}"),
        ("# password: hunter2", f"# password: {MASK}"),
        ("requirepass hunter2", f"requirepass {MASK}"),
        ("  bindpw hunter2", f"  bindpw {MASK}"),
        ("machine x login bob password hunter2", f"machine x login bob password {MASK}"),
        ("rocommunity hunter2", f"rocommunity {MASK}"),
        ("curl --token hunter2 https://x", f"curl --token {MASK} https://x"),
        ("vllm serve --api-key=hunter2 --port 8000", f"vllm serve --api-key={MASK}"),
        ("root:$6$abc$hunter2:19000:0:99999:7:::", f"root:{MASK}:19000:0:99999:7:::"),
        ("bob:hunter2hash:19000:0:99999:7:::", f"bob:{MASK}:19000:0:99999:7:::"),
        ("admin:$apr1$abc$hunter2", f"admin:{MASK}"),
        ("userPassword:: {SSHA}hunter2", f"userPassword:: {MASK}"),
        ("postgres://bob:hunter2@db:5432/x", f"postgres://bob:{MASK}@db:5432/x"),
        ("https://bob:hunter/2@x@db/x", f"https://bob:{MASK}@db/x"),
        ("git+https://0123456789abcdef0123@forge/x", f"git+https://{MASK}@forge/x"),
        ("Authorization: Bearer hunter2.abc-def", f"Authorization: Bearer {MASK}"),
        ("key ghp_hunter2hunter2hunter2", f"key {MASK}"),
        (f"PrivateKey = {KEY_32}", f"PrivateKey = {MASK}"),
        (KEY_32, MASK),
        ("kubeadm join h:6443 --token abcdef.0123456789abcdef", f"kubeadm join h:6443 --token {MASK}"),
        ("join abcdef.0123456789abcdef", f"join {MASK}"),
        ("password: [hunter2]", f"password: {MASK}"),
        ("password: files [hunter2]", f"password: {MASK}"),
        ("psk=hunter2", f"psk={MASK}"),
        ("client-key-data: aHVudGVyMg==", f"client-key-data: {MASK}"),
    ],
)
def test_a_secret_is_taken_out_and_the_rest_stays(line: str, shown: str) -> None:
    assert masked(line) == shown


@pytest.mark.parametrize(
    "line",
    [
        "PasswordAuthentication no",
        "passwd:         files systemd",
        "shadow:         files sss",
        "passwd: files [NOTFOUND=return] sss",
        "password requisite pam_deny.so",
        "password [success=1 default=ignore] pam_unix.so obscure yescrypt",
        "auth required pam_unix.so",
        "daemon:*:20228:0:99999:7:::",
        "root:x:0:0:root:/root:/bin/bash",
        "AuthType=auth/munge",
        "AuthorizedKeysFile .ssh/authorized_keys",
        "author = Joe",
        "AccountingStoragePass = (null)",
        'password = ""',
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ bob@x",
        "deb [signed-by=/usr/share/keyrings/x.gpg] https://example.org/apt stable main",
        "net.ipv4.ip_forward = 1",
        "compass: north",
        "-----BEGIN CERTIFICATE-----",
        "",
    ],
)
def test_what_is_no_secret_stays_readable(line: str) -> None:
    assert masked(line) == line


PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIhunter2\nMIIhunter2\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"a\n{PEM}\nb", f"a\n{MASK}\nb"),
        (f"tls:\n  key: |\n    {PEM.replace(chr(10), chr(10) + '    ')}\nb: 1", f"tls:\n  key: |\n    {MASK}\nb: 1"),
        ("password: |\n  hunter2\n\n  hunter3\nb: 1", f"password: {MASK}\nb: 1"),
        ('token="hunter2\nhunter3"\nb=1', f"token={MASK}\nb=1"),
        ("PASSWORD=hunter2\\\nhunter3\nb=1", f"PASSWORD={MASK}\nb=1"),
        ('"tokens": [\n  "hunter2",\n  "hunter3"\n],\nb', f'"tokens": {MASK}\nb'),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2", MASK),
        ('"key": "-----BEGIN PRIVATE KEY-----\\nhunter2\\n-----END PRIVATE KEY-----\\n",\nb', f'"key": "{MASK}\nb'),
    ],
)
def test_a_secret_of_several_lines_is_one_line(text: str, shown: str) -> None:
    assert masked(text) == shown


@given(st.integers(1, 400), st.integers(1, 60))
def test_its_length_is_not_told(first: int, second: int) -> None:
    def key(lines: int) -> str:
        return "-----BEGIN PRIVATE KEY-----\n" + "MIIB\n" * lines + "-----END PRIVATE KEY-----"

    assert masked(key(first)) == masked(key(second))
    assert masked(f"password={'x' * first}") == masked(f"password={'y' * second}y")


WORDS = st.sampled_from(
    ["password", "token", "api_key", "=", ": ", " ", "\n", '"', "'", "$6$a$b", "://", "a:b@", "|", "[", "]", "{", "\\", "--token",
     "Bearer ", "files", "#", PEM, "-----BEGIN PRIVATE KEY-----", "abc", "12", MASK, "psk", "x:1:2:3:4:5:6:7:8", "\t", "ü", ","]
)  # fmt: skip


@given(st.lists(st.one_of(WORDS, st.text(max_size=6)), max_size=14).map("".join))
def test_masking_twice_is_masking_once(text: str) -> None:
    once = masked(text)
    assert masked(once) == once


SECRET = "Zx9Kq7Wm3Tp5"


@given(
    st.sampled_from(
        ["password", "DB_PASSWORD", "apiKey", "HF_TOKEN", "client_secret", "ssl.key.passphrase", "private_key"]
    ),
    st.sampled_from([" = ", "=", ": ", ":", '": "', "' => '"]),
    st.text(max_size=12),
    st.text(max_size=12),
)
def test_whatever_stands_around_an_assignment_its_value_does_not_get_through(
    key: str, sign: str, before: str, after: str
) -> None:
    assert SECRET not in masked(f"{before} {key}{sign}{SECRET}{after}")


@given(st.text(max_size=300))
def test_pieces_are_the_text(text: str) -> None:
    found = list(pieces(text))
    assert "\n".join(piece.raw for piece in found) == text
    assert all("\n" not in piece.shown for piece in found)


@pytest.mark.parametrize(
    "evil",
    ["a." * 130_000, "passpass" * 30_000, "-pass" * 50_000, "a://a:" * 40_000, ("pass" * 990 + "\n") * 10, (" files" * 600 + "\n") * 10,
     ('pass="' * 600 + "\n") * 20, "-----BEGIN PRIVATE KEY-----\n" * 9000, "token " * 40_000, "password: |\n" * 2000],
    ids=lambda evil: evil[:20],
)  # fmt: skip
def test_hostile_text_costs_no_more_than_a_moment(evil: str) -> None:
    began = time.monotonic()
    masked(evil)
    assert time.monotonic() - began < 5
