"""How Borg says what went wrong, as data that leads to our causes: by name, by exit status, or only in words.

Borg names its errors ("msgid"). 1.4 names warnings as well and has an exit status for each; 1.2 says some things only in words.
"""

from __future__ import annotations

import re

MSGIDS = {
    "CancelledByUser": (3, "cancelled-question"),
    "CommandError": (4, "dump-failed"),
    "PlaceholderError": (5, "usage"),
    "InvalidPlaceholder": (6, "usage"),
    "Repository.AlreadyExists": (10, "repository-exists"),
    "Repository.AtticRepository": (11, "not-a-repository"),
    "Repository.CheckNeeded": (12, "check-needed"),
    "Repository.DoesNotExist": (13, "repository-missing"),
    "Repository.InsufficientFreeSpaceError": (14, "no-space"),
    "Repository.InvalidRepository": (15, "not-a-repository"),
    "Repository.InvalidRepositoryConfig": (16, "not-a-repository"),
    "Repository.ObjectNotFound": (17, "damaged"),
    "Repository.ParentPathDoesNotExist": (18, "repository-missing"),
    "Repository.PathAlreadyExists": (19, "repository-exists"),
    "Repository.StorageQuotaExceeded": (20, "quota"),
    "Repository.PathPermissionDenied": (21, "lock-failed"),
    "MandatoryFeatureUnsupported": (25, "version"),
    "NoManifestError": (26, "no-manifest"),
    "UnsupportedManifestError": (27, "version"),
    "Archive.AlreadyExists": (30, "archive-exists"),
    "Archive.DoesNotExist": (31, "archive-missing"),
    "Archive.IncompatibleFilesystemEncodingError": (32, "encoding"),
    "KeyfileInvalidError": (40, "key-missing"),
    "KeyfileMismatchError": (41, "replaced"),
    "KeyfileNotFoundError": (42, "key-missing"),
    "NotABorgKeyFile": (43, "key-missing"),
    "RepoKeyNotFoundError": (44, "key-missing"),
    "RepoIdMismatch": (45, "replaced"),
    "UnencryptedRepo": (46, "unknown-unencrypted"),
    "UnknownKeyType": (47, "version"),
    "UnsupportedPayloadError": (48, "version"),
    "UnsupportedKeyFormatError": (49, "version"),
    "NoPassphraseFailure": (50, "no-passphrase"),
    "PasscommandFailure": (51, "no-passphrase"),
    "PassphraseWrong": (52, "wrong-passphrase"),
    "PasswordRetriesExceeded": (53, "wrong-passphrase"),
    "Cache.CacheInitAbortedError": (60, "unknown-unencrypted"),
    "Cache.EncryptionMethodMismatch": (61, "replaced"),
    "Cache.RepositoryAccessAborted": (62, "relocated"),
    "Cache.RepositoryIDNotUnique": (63, "replay"),
    "Cache.RepositoryReplay": (64, "replay"),
    "LockError": (70, "lock-held"),
    "LockErrorT": (71, "lock-held"),
    "LockFailed": (72, "lock-failed"),
    "LockTimeout": (73, "lock-held"),
    "NotLocked": (74, "lock-held"),
    "NotMyLock": (75, "lock-held"),
    "ConnectionClosed": (80, "connection-closed"),
    "ConnectionClosedWithHint": (81, "connection-closed"),
    "InvalidRPCMethod": (82, "bad-peer"),
    "PathNotAllowed": (83, "not-allowed"),
    "RemoteRepository.RPCServerOutdated": (84, "version"),
    "UnexpectedRPCDataFormatFromClient": (85, "bad-peer"),
    "UnexpectedRPCDataFormatFromServer": (86, "bad-peer"),
    "ConnectionBrokenWithHint": (87, "connection-closed"),
    "IntegrityError": (90, "damaged"),
    "FileIntegrityError": (91, "damaged"),
    "DecompressionError": (92, "damaged"),
    "ArchiveTAMInvalid": (95, "not-authentic"),
    "ArchiveTAMRequiredError": (96, "not-authentic"),
    "TAMInvalid": (97, "not-authentic"),
    "TAMRequiredError": (98, "not-authentic"),
    "TAMUnsupportedSuiteError": (99, "version"),
    "FileChangedWarning": (100, "file-changed"),
    "IncludePatternNeverMatchedWarning": (101, "not-in-archive"),
    "BackupError": (102, "zero-filled"),
    "BackupRaceConditionError": (103, "file-changed"),
    "BackupOSError": (104, "read-error"),
    "BackupPermissionError": (105, "permission"),
    "BackupIOError": (106, "read-error"),
    "BackupFileNotFoundError": (107, "file-missing"),
    "BackupSymlinkParentError": (108, "unsafe-path"),
    "BackupPathTraversalError": (109, "unsafe-path"),
    "BackupHardlinkSourceError": (110, "unsafe-path"),
}
"""Borg's name → its exit status in Borg 1.4 (BORG_EXIT_CODES=modern), and our code."""

BY_STATUS = dict(MSGIDS.values())

WORDS = tuple(
    (re.compile(words), code)
    for words, code in (
        (r"No space left on device|Disk quota exceeded", "no-space"),
        (r"Command .{1,400} exited with status -?\d+|Failed to execute command", "dump-failed"),
        (r"\bborg: (?:command )?(?:not found|No such file)|No such file or directory: '[^']*borg'", "borg-missing"),
        (r"no FUSE support|FUSE not available", "no-fuse"),
        (
            r"Data integrity error|segment .{1,200}(?:truncated|corrupt)|checksum mismatch|Integrity check failed",
            "damaged",
        ),
        (r"^usage: borg|error: unrecognized arguments|invalid choice: ", "usage"),
        (r"Read-only file system|Failed to create/acquire the lock .* \(\[Errno", "lock-failed"),
        (r"malicious or corrupted archive", "unsafe-path"),
        (r"file changed while we (?:backed it up|read it)", "file-changed"),
        (r"Include pattern '.*' never matched", "not-in-archive"),
        (r"File has damaged \(all-zero\) chunks|all-zero replacement chunks?", "zero-filled"),
        (r"\[Errno 13\]|Permission denied", "permission"),
        (r"\[Errno 2\]|No such file or directory", "file-missing"),
        (r"\[Errno \d+\]", "read-error"),
    )
)
"""What Borg 1.2 says only in words (and systems in Borg's place), the first that fits. Later ones are mostly warnings."""
