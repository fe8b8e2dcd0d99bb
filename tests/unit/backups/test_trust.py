"""Every way says what it would give away."""

from __future__ import annotations

import pytest

from backends.backups.model import Transport
from backends.backups.trust import said


@pytest.mark.parametrize("transport", Transport)
def test_each_transport_is_explained_in_whole_sentences(transport: Transport) -> None:
    text = said(transport)
    assert text[0].isupper() and text.endswith(".") and len(text) < 300


def test_what_matters_most_is_said() -> None:
    assert "never free anything" in said(Transport.RELAY)
    assert "never sees a passphrase" in said(Transport.TAR)
    assert "read and delete" in said(Transport.LOCAL)
