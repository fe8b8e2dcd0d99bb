"""Every way in which Borg fails or warns, as data: what it means, and the one safe thing to do next."""

from __future__ import annotations

from backends.metrics.sample import Record

FATAL, WARNING = "fatal", "warning"


class Known(Record, frozen=True, kw_only=True):
    """One cause. In the next step {repository} is the repository's key, {place} its name and {host} whose data it keeps."""

    code: str
    text: str
    next_step: str
    kind: str = FATAL


def _known(code: str, text: str, next_step: str, kind: str = FATAL) -> Known:
    return Known(code=code, text=text, next_step=next_step, kind=kind)


_RUN_AGAIN = "run the backup again: it goes on from its last checkpoint"

CAUSES = {
    each.code: each
    for each in (
        _known(
            "wrong-passphrase",
            "the passphrase does not open the repository's key",
            "compare the passphrase with the one in escrow; nothing was changed",
        ),
        _known(
            "changed-passphrase",
            "the passphrase does not open the repository any more: it, or the key, was changed since the last time",
            "find out who changed it before anything else is done; the key in escrow opens with the old passphrase",
        ),
        _known(
            "no-passphrase",
            "there was no passphrase to be had",
            "run passphrase_command of the repository by hand and see what it says",
        ),
        _known(
            "key-missing",
            "the repository's key is missing or damaged",
            "import the key that is in escrow: borg key import",
        ),
        _known(
            "repository-missing", "there is no repository at that place", "swarm-tui backup init {host} --to {place}"
        ),
        _known(
            "repository-exists",
            "there is a repository, or something else, at that place already",
            "look at what is there; another location in the configuration, or that one emptied by hand",
        ),
        _known(
            "not-a-repository",
            "what is at that place is no repository that Borg can read",
            "look at the location in the configuration, and whether its filesystem is mounted",
        ),
        _known(
            "no-manifest",
            "the repository has lost its table of contents",
            "swarm-tui backup check {host} --to {place}; the data may still be there",
        ),
        _known(
            "relocated",
            "the repository is at another place than the last time: it was moved, or somebody put it there",
            "when it was you who moved it, run the job again and confirm its question",
        ),
        _known(
            "unknown-unencrypted",
            "an unencrypted repository is there that nobody here has made or seen",
            "do not write into it; look at who put it there, and at the location in the configuration",
        ),
        _known(
            "replaced",
            "another repository is at that place now, or its encryption was changed",
            "do not write into it; look at who replaced it",
        ),
        _known(
            "replay",
            "the repository is older than what was seen of it: it was rolled back, copied back, or somebody tampers with it",
            "ask who restored it; compare its archives with the catalog: swarm-tui backup archives --repository {repository}",
        ),
        _known(
            "no-space",
            "there is no space left on the repository's filesystem",
            "make room on the repository's machine, or prune and compact: swarm-tui backup prune {repository} SET",
        ),
        _known(
            "quota",
            "the repository has reached its quota",
            "raise quota_bytes, or prune and compact: swarm-tui backup prune {repository} SET",
        ),
        _known(
            "lock-held",
            "somebody else holds the repository",
            "see who, and whether it still runs: swarm-tui backup lock {repository}",
        ),
        _known(
            "lock-failed",
            "the repository cannot be locked: Borg may not write there, or its filesystem is read-only",
            "look at the owner and the mount of the repository's directory",
        ),
        _known(
            "check-needed",
            "the repository is inconsistent",
            "swarm-tui backup check {host} --to {place}; write nothing into it before",
        ),
        _known(
            "damaged",
            "data in the repository are damaged",
            "swarm-tui backup check {host} --to {place} finds what is hit; it can be healed from another copy",
        ),
        _known(
            "archive-exists", "an archive of that name is there already", "run it again: the next one has a new name"
        ),
        _known(
            "archive-missing",
            "there is no archive of that name any more",
            "swarm-tui backup archives --repository {repository} shows those that are there",
        ),
        _known(
            "not-allowed",
            "the repository's machine does not let this connection use that path",
            "compare the location in the configuration with the path that the key is restricted to",
        ),
        _known("connection-closed", "the repository's machine ended the connection", _RUN_AGAIN),
        _known(
            "bad-peer",
            "the other side does not speak Borg's protocol as it should",
            "look at what answers there, and at its version; nothing that it said was used",
        ),
        _known(
            "not-authentic",
            "the repository's contents are not proven genuine: somebody without the key may have written them",
            "write nothing; compare its archives with the catalog, and look at what wrote there last",
        ),
        _known(
            "version",
            "that Borg is too old for this repository, or the two versions do not fit together",
            "install Borg 1.4 on the machine that is named",
        ),
        _known(
            "dump-failed",
            "the command whose output was to be archived failed; no archive was kept",
            "run the command by hand",
        ),
        _known(
            "borg-missing",
            "there is no Borg on the repository's machine",
            'install borgbackup there, or set borg = "/path/to/borg" for the repository',
        ),
        _known(
            "no-fuse",
            "this Borg cannot mount: it was built without FUSE",
            "restore it instead: swarm-tui backup restore",
        ),
        _known(
            "usage",
            "this Borg does not understand the command",
            "compare its version with 1.2 or 1.4; the command is shown with the job",
        ),
        _known(
            "cancelled-question",
            "Borg asked something and got no answer, so it did nothing",
            "confirm what it asks, for this one run",
        ),
        _known("encoding", "a file name cannot be written on that machine", "restore to a machine with UTF-8 names"),
        _known(
            "file-changed",
            "files changed while they were read: those copies may be half old, half new",
            "run it again while nothing writes them, or use a snapshot",
            WARNING,
        ),
        _known(
            "permission",
            "some files may not be read, or written",
            "give Borg the right to them, or exclude them",
            WARNING,
        ),
        _known(
            "file-missing",
            "some files were gone before they were read",
            "compare the paths of the set with what is there",
            WARNING,
        ),
        _known("read-error", "some files could not be read or written", "look at their disk: swarm-tui check", WARNING),
        _known(
            "not-in-archive",
            "some of the paths are not in the archive",
            "swarm-tui backup files {repository} ARCHIVE shows what is",
            WARNING,
        ),
        _known(
            "unsafe-path",
            "the archive has names that reach outside the directory of the restore; those were left out",
            "trust nothing of this archive before it is known who wrote it: no backup makes such names",
            WARNING,
        ),
        _known(
            "zero-filled",
            "some files have zeros where their data is gone from the repository",
            "heal the repository from another copy: swarm-tui backup heal {repository}",
            WARNING,
        ),
        _known("warning", "it was done, with warnings", "read the warnings", WARNING),
        _known(
            "link-lost",
            "the link was lost before the end was known",
            "wait for the connection, then run it again: it goes on from its last checkpoint",
        ),
        _known(
            "killed",
            "Borg was ended by a signal",
            "look for the kernel's memory killer on that machine, then run it again",
        ),
        _known("timeout", "it took too long and was ended", "run it again; it goes on from its last checkpoint"),
        _known("cancelled", "it was stopped", _RUN_AGAIN),
        _known("unknown", "Borg failed", "read its own words below; the command is shown with the job"),
    )
}
"""Code → what is known of it."""
