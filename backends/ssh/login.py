"""Authentication on an agreed transport: offer identities one after another and say what was tried."""

from __future__ import annotations

import time

import paramiko

from backends.errors import SwarmError
from backends.ssh import failures
from backends.ssh.agent import AgentIdentity
from backends.ssh.failures import LoginRefused
from backends.ssh.identities import Identities, Identity, Offer
from backends.ssh.target import Target
from backends.ssh.transport import LinkTransport
from backends.text import clean


def log_in(target: Target, transport: LinkTransport, identities: Identities, seconds: float) -> str:
    """Log in as target.user; returns the label of the identity that was accepted.

    Raises:
        LoginRefused: nothing was accepted; the message lists what was tried.
        RetryLater: no decision within `seconds`, or the connection was lost.
    """
    deadline = time.monotonic() + seconds
    offer = identities.offer(target)
    tried: list[str] = []
    for identity in offer.identities:
        transport.auth_timeout = max(0.1, deadline - time.monotonic())
        accepted = _offer_one(target, transport, identity, offer, tried, seconds)
        if accepted:
            identities.worked(target, identity)
            return identity.label
        if not transport.is_active():
            raise _too_many(target, tried)
    if not offer.identities and _open_door(target, transport, deadline):
        return "no authentication"
    raise _refused(target, offer, tried, "")


def _offer_one(
    target: Target, transport: LinkTransport, identity: Identity, offer: Offer, tried: list[str], seconds: float
) -> bool:
    try:
        further = transport.auth_publickey(target.user, identity.key)
    except paramiko.BadAuthenticationType as error:
        raise _refused(target, offer, tried, f"sshd takes only {_list(error.allowed_types)}") from error
    except paramiko.AuthenticationException as error:
        if "timeout" in str(error).lower():
            raise failures.timed_out(target, "login", seconds) from error
        tried.append(identity.label + _trouble(identity))
        return False
    except (paramiko.SSHException, EOFError, OSError) as error:
        if transport.is_active():
            tried.append(f"{identity.label} ({clean(str(error), 60)})")
            return False
        raise _lost(target, tried, error) from error
    if further:
        raise _refused(target, offer, tried, f"{identity.label} was accepted, but sshd also wants {_list(further)}")
    return True


def _open_door(target: Target, transport: LinkTransport, deadline: float) -> bool:
    """Some hosts authenticate by other means (a VPN's SSH) and let everybody in who gets that far."""
    transport.auth_timeout = max(0.1, deadline - time.monotonic())
    try:
        return not transport.auth_none(target.user)
    except (paramiko.SSHException, EOFError, OSError):
        return False


def _trouble(identity: Identity) -> str:
    trouble = identity.key.trouble if isinstance(identity.key, AgentIdentity) else ""
    return f" ({clean(trouble, 100)})" if trouble else ""


def _refused(target: Target, offer: Offer, tried: list[str], why: str) -> LoginRefused:
    said = [why] if why else []
    said.append(f"tried {', '.join(tried)}" if tried else "no key to offer")
    said += [f"{item.path} {item.why}" for item in offer.unusable]
    hints = [item.hint for item in offer.unusable if item.hint]
    hint = hints[0] if hints else f"add a public key to {target.user}@{target.name}:~/.ssh/authorized_keys, or set user"
    return LoginRefused(
        f"auth failed: {'; '.join(said)}", host=target.name, action=f"log in as {target.user}", hint=hint
    )


def _too_many(target: Target, tried: list[str]) -> LoginRefused:
    return LoginRefused(
        f"auth failed: sshd gave up after {len(tried)} keys: {', '.join(tried)}",
        host=target.name,
        action=f"log in as {target.user}",
        hint="name the right key: IdentityFile and IdentitiesOnly yes in ~/.ssh/config, or identity_files",
    )


def _lost(target: Target, tried: list[str], error: BaseException) -> SwarmError:
    if tried:
        return _too_many(target, tried)
    return failures.protocol(target, error)


def _list(kinds: list[str]) -> str:
    return ", ".join(clean(kind, 40) for kind in kinds[:6]) or "nothing"
