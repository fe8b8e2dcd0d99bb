#!/bin/bash
# The firmware of one lab host: starts it, starts it again when it reboots (systemd-nspawn ends with 133), and stops
# when it powers off. A host counts its uptime from each start: a time namespace takes the machine's away.
#   firmware.sh HOST_DIR NETWORK_NAMESPACE CGROUP_PROCS_FILE... -- SYSTEMD_NSPAWN...
set -u
dir=$1 namespace=$2
shift 2
while [ "$1" != -- ]; do
  echo $$ > "$1" || exit 1
  shift
done
shift
while :; do
  # The offset has whole seconds, so a host starts with one: an uptime that is too long would be no proof of a reboot.
  IFS=" ." read -r up hundredths _ < /proc/uptime
  left=$((100 - 10#$hundredths))
  sleep "$((left / 100)).$(printf %02d $((left % 100)))"
  nsenter --net="$namespace" unshare --time --boottime "-$((up + 1))" -- "$@" < /dev/null >> "$dir/console.log" 2>&1 &
  echo $! > "$dir/nspawn.pid"
  wait $!
  status=$?
  echo "firmware: the host ended with $status" >> "$dir/console.log"
  [ "$status" = 133 ] && [ ! -e "$dir/off" ] || break
  sleep "$(cat "$dir/post_seconds" 2> /dev/null || echo 0)" # the power-on self-test
done
rm -f "$dir/nspawn.pid"
