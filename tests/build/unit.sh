#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The systemd unit as it is installed: systemd finds nothing to say about it, it names the programs and
# the configuration where they lie, and it is started again after what may pass, and only then.
set -eu
cd "$(dirname "$0")/../.."
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
command -v systemd-analyze >/dev/null || { echo "skipped: systemd-analyze is not installed"; exit 77; }

fail() {
	echo "FAILED: $*"
	exit 1
}

# value KEY: of the unit.
value() {
	sed -n "s/^$1=//p" "$unit"
}

# Only reads and judges the file: no service manager is asked or started.
verify() {
	systemd-analyze verify --man=no "$1" 2>&1 || echo "exit status $?"
}

make install PREFIX="$room/own" SYSCONFDIR="$room/conf" >/dev/null
unit=$room/own/lib/systemd/system/sluice.service
said=$(verify "$unit")
[ -z "$said" ] || fail "systemd says: $said"
sed 's/^RestartSec=/RestartSecs=/' "$unit" >"$room/wrong.service"
verify "$room/wrong.service" | grep -q RestartSecs || fail "systemd does not see a mistake in a unit"
! grep -q '@[A-Z]*@' "$unit" || fail "a placeholder was left"
echo "ok: systemd finds nothing wrong with the unit"

[ "$(value ExecStart)" = "$room/own/sbin/sluice run -c $room/conf/sluice/sluice.yaml" ] ||
	fail "it starts $(value ExecStart)"
[ -s "$room/conf/sluice/sluice.yaml.example" ] || fail "SYSCONFDIR is not followed"
echo "ok: it names what was installed"

# RestartPreventExitStatus holds for the main process alone: whatever else could fail is started again.
! grep -qE '^Exec(StartPre|Condition|StartPost)=' "$unit" || fail "something else than the agent can fail"
[ "$(value Restart)" = on-failure ] || fail "it is not started again after a failure"
[ "$(value StartLimitIntervalSec)" = 0 ] || fail "it is given up after some failures"

# ends CODE WHAT AGAIN: the agent by the unit's own command line; is it started again then?
ends() {
	local code=0 again=yes
	read -ra command <<<"$(value ExecStart)"
	timeout 20 "${command[@]}" >"$room/said" 2>&1 || code=$?
	[ "$code" = "$1" ] || { cat "$room/said"; fail "$2: exit status $code, not $1"; }
	[[ " $(value RestartPreventExitStatus) " != *" $code "* ]] || again=no
	[ "$again" = "$3" ] || fail "$2 ($code): started again: $again"
	echo "ok: $2 ends with $code; started again: $again"
}
ends 66 "no configuration" no
echo 'listen: []' >"$room/conf/sluice/sluice.yaml"
ends 78 "a mistake in the configuration" no
: >"$room/taken"
cat >"$room/conf/sluice/sluice.yaml" <<-end
	durability: none
	state_dir: $room/taken/below
	listen: [{name: edge, interface: nosuch0, port: 9125}]
	windows: [{name: w, size: 10s, aggregate: [count]}]
	limits: {memory: 64MiB}
	admin: {socket: $room/socket}
end
ends 73 "a state directory that cannot be made" yes
# An interface that is not there, a failing disk, another agent.
for code in 69 74 75; do
	[[ " $(value RestartPreventExitStatus) " != *" $code "* ]] || fail "$code is given up after"
done
echo "ok: what may pass is tried again"
