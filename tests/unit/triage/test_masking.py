"""Tokens and passwords are taken out of what is kept and sent away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.triage.masking import MASK, masked, masked_line

SECRET = "Zq7-s3cretV4lue"  # a secret


@pytest.mark.parametrize(
    "line",
    [
        f"python serve.py --api-key {SECRET} --port 80",
        f"python serve.py --hf-token={SECRET}",
        f"HF_TOKEN={SECRET} python x",
        f"env AWS_SECRET_ACCESS_KEY={SECRET}",
        f'export WANDB_API_KEY="{SECRET}"',
        f"password: {SECRET}",
        f"curl -H 'Authorization: Bearer {SECRET}' http://x",
        f"curl -u admin:{SECRET} http://x",
        f"git clone https://user:{SECRET}@git.example/x",
        f"git clone https://{SECRET}@git.example/x",
        f"wget 'http://x/?a=1&access_token={SECRET}&b=2'",
        f"mysqldump -uroot -p{SECRET} all",
        f"x {'hf_' + 'a' * 20}{SECRET}"[:24] + f" --token {SECRET}",
        f"alice : TTY=pts/0 ; COMMAND=/usr/bin/mount -o username=a,password={SECRET} //x /y",
    ],
)
def test_secrets_are_masked_in_command_lines_and_environments(line: str) -> None:
    assert SECRET not in masked_line(line)
    assert MASK in masked_line(line)


@pytest.mark.parametrize(
    "token", ["ghp_" + "a" * 36, "AKIA" + "A" * 16, "eyJhbGciOiJIUzI1.eyJzdWIiOiIx.abc", "$6$abc$def"]
)
def test_tokens_are_known_by_their_shape(token: str) -> None:
    assert token not in masked_line(f"run {token} now")


def test_a_private_key_becomes_one_line() -> None:
    text = "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabcd\n-----END RSA PRIVATE KEY-----\nb"
    assert masked(text) == f"a\n{MASK}\nb"


@pytest.mark.parametrize(
    "line",
    [
        "NVRM: Xid (PCI:0000:5d:00): 79, pid=48113, name=python3, GPU has fallen off the bus.",
        "/dev/sda1 ext4 1000000 400000 600000 40% /",
        "docker.service active/running",
        "upgrade libpam-modules 1.4.0-11",
        "Fri May 31 09:35:42 UTC 2024",
        "eth0 operstate=up carrier=1 speed=100000",
    ],
)
def test_what_is_no_secret_stays(line: str) -> None:
    assert masked_line(line) == line


@given(st.text(max_size=200) | st.from_regex(r"\A[a-z_-]{0,9}(password|token|api_key)[=: ]{0,3}[!-~]{0,20}\Z"))
def test_masking_twice_changes_nothing(line: str) -> None:
    once = masked(line)
    assert masked(once) == once
