"""What pacman is called with. Pure.

Lists are refreshed in a place of their own: after a plain -Sy the host would be half synchronised, and the next -S of
anybody a partial upgrade. The planned lists become the host's own only when they are applied, so what was planned is what runs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from backends.errors import BadInput
from backends.updates.base import ENVIRONMENT

LISTS = "/var/cache/swarm-tui/pacman"
"""Only root may write there. `local` in it is the host's own database of installed packages."""
HOLDS = "/etc/pacman.d/swarm-tui-holds.conf"
"""Our holds, included in the [options] of pacman.conf; what others ignore stays theirs."""
_REFRESH = (
    'own=$(pacman-conf DBPath) && mkdir -p "$1" && ln -sfn "${own%/}/local" "$1/local" '
    '&& exec pacman -Sy --noconfirm --noprogressbar --dbpath "$1" --logfile /dev/null'
)
_TAKE = 'own=$(pacman-conf DBPath) && mkdir -p "${own%/}/sync" && cp -p "$1"/sync/* "${own%/}/sync/"'
_HOLD = (
    'file=$1; verb=$2; shift 2; mkdir -p "${file%/*}" && touch "$file" || exit; '
    'grep -q "^Include = $file$" /etc/pacman.conf || sed -i "s|^\\[options\\]|&\\nInclude = $file|" /etc/pacman.conf || exit; '
    'for name; do rest=$(grep -Fvx "IgnorePkg = $name" "$file"); printf "%s\\n" "$rest" >"$file" || exit; '
    '[ "$verb" = release ] || echo "IgnorePkg = $name" >>"$file" || exit; done'
)
_NAME = re.compile(r"[A-Za-z0-9@_+][A-Za-z0-9@._+-]*")
"""A package's name, as Arch allows it."""
REFRESH = (*ENVIRONMENT, "sh", "-c", _REFRESH, "sh", LISTS)
TAKE_LISTS = (*ENVIRONMENT, "sh", "-c", _TAKE, "sh", LISTS)
"""Makes the planned lists the host's own. The scripts are constant; what varies are their arguments."""
INSTALLED = ("pacman", "-Q")
UPGRADES = ("pacman", "-Qu", "--dbpath", LISTS)
"""With what is ignored, marked so."""
PLAN = ("pacman", "-Su", "--noconfirm", "--dbpath", LISTS, "--print", "--print-format", "%r|%n|%v|%s|%l")
ABOUT = ("pacman", "-Si", "--dbpath", LISTS)
"""What a new package replaces does not stand in the plan."""
IGNORED = ("pacman-conf", "IgnorePkg")
PREFETCH = (
    *ENVIRONMENT,
    "pacman",
    "-Suw",
    "--noconfirm",
    "--noprogressbar",
    "--dbpath",
    LISTS,
    "--logfile",
    "/dev/null",
)
APPLY = (*ENVIRONMENT, "pacman", "-Su", "--noconfirm", "--noprogressbar")
"""The whole system, always: a part of it is not supported by Arch."""
LOG = ("sh", "-c", 'tail -n "$1" /var/log/pacman.log', "sh", "20000")
CACHED = ("find", "/var/cache/pacman/pkg", "-name", "*.pkg.tar*", "-not", "-name", "*.sig")


def back_argv(files: Sequence[str]) -> tuple[str, ...]:
    """Goes back to kept packages."""
    return (*ENVIRONMENT, "pacman", "-U", "--noconfirm", "--noprogressbar", *files)


def simulate_back_argv(files: Sequence[str]) -> tuple[str, ...]:
    return ("pacman", "-U", "--noconfirm", "--print", "--print-format", "%r|%n|%v|%s|%l", *files)


def hold_argv(packages: Sequence[str], hold: bool) -> tuple[str, ...]:
    """Adds IgnorePkg lines to our own file, or takes them away. Raises BadInput."""
    if wrong := [name for name in packages if not _NAME.fullmatch(name)]:
        raise BadInput(f"{wrong[0]!r} is no package name", action="hold packages")
    return (*ENVIRONMENT, "sh", "-c", _HOLD, "sh", HOLDS, "hold" if hold else "release", *packages)
