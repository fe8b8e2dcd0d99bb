"""The shell script that carries out the steps of a detached job.

It is /bin/sh because the job may replace python itself. Every word is in single quotes, so any byte but NUL is exact.
"""

HEAD = b"""\
#!/bin/sh
# Written by swarm-tui: one step after the other, each beginning and end told in `steps`, the result last in `rc`.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
HOME=%(home)s
export PATH HOME
cd /
umask 022
d=%(directory)s
exec </dev/null >>"$d/out" 2>&1 9>>"$d/status"
bad=0 stop=0 skipped=0
# Asked to end (shutdown, systemctl stop): finish the step that runs, then only what must always run.
trap 'stop=1' TERM INT
trap '' HUP
since() { echo "${22}"; }
say() { echo "$1 $2 $(date +%%s) $3" >>"$d/steps"; }
run() {
  id=$1 always=$2 allowed=$3
  if [ "$always" = 0 ]; then
    if [ -e "$d/cancel" ]; then stop=1; fi
    if [ "$stop" = 1 ]; then skipped=1; say skip "$id" cancelled; return; fi
    if [ "$bad" != 0 ]; then say skip "$id" failed; return; fi
  fi
  ( "$4" )
  rc=$?
  say end "$id" "$rc"
  case $allowed in *" $rc "*) return ;; esac
  if [ "$bad" = 0 ]; then bad=$rc; fi
}
say start - "$$ $(since $(cat /proc/$$/stat))"
"""
STEP = b"""
step_%(index)d() {
exec 8>&-
%(exports)sexec setsid /bin/sh -c %(child)s sh %(directory)s %(id)s %(cancellable)d %(argv)s
}
run %(id)s %(always)d %(allowed)s step_%(index)d
"""
CHILD = b's() { echo "${22}"; }; echo "begin $2 $(date +%s) $$ $(s $(cat /proc/$$/stat)) $3" >>"$1/steps"; shift 3; exec "$@"'
TAIL = b"""
word=done
if [ "$bad" != 0 ]; then word=failed; fi
if [ "$skipped" = 1 ]; then word=cancelled; fi
if [ "$bad" != 0 ] && [ -e "$d/cancel" ]; then word=cancelled; fi
# Written over blocks that exist already, so that a full disk cannot hide the result.
printf '%-63s\\n' "$bad $(date +%s) $word" 1<>"$d/rc.new" && mv "$d/rc.new" "$d/rc"
exit 0
"""
RESULT_BYTES = 64  # what `rc.new` holds before: see TAIL


def raw(text):
    """The bytes that a word of the plan stands for, whatever the locale here."""
    return text.encode("utf-8", "surrogateescape")


def quote(data):
    return b"'" + data.replace(b"'", b"'\\''") + b"'"


def script(directory, home, steps):
    """The whole script. `steps` are dicts: id, argv, environment, always, cancellable, allow_exit."""
    place = quote(raw(directory))
    parts = [HEAD % {b"home": quote(raw(home)), b"directory": place}]
    for index, step in enumerate(steps):
        pairs = sorted(step["environment"].items())
        exports = b"".join(b"export " + raw(name) + b"=" + quote(raw(value)) + b"\n" for name, value in pairs)
        words = {
            b"index": index,
            b"exports": exports,
            b"child": quote(CHILD),
            b"directory": place,
            b"id": quote(raw(step["id"])),
            b"cancellable": bool(step["cancellable"]),
            b"argv": b" ".join(quote(raw(word)) for word in step["argv"]),
            b"always": bool(step["always"]),
            b"allowed": quote(b" 0 %s " % b" ".join(b"%d" % each for each in step["allow_exit"])),
        }
        parts.append(STEP % words)
    return b"".join(parts) + TAIL
