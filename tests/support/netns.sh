#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# For network tests: sourced, not run. The test runs again inside of namespaces of its own (mounts,
# processes, network), so whatever happens, nothing of it stays and nothing of the host is met: no
# process, interface, pinned map, mount or file. Every test draws its own topology; this is the
# usual one.
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	| 10.8.0.2   fd08::2   |    veth     | 10.8.0.1   fd08::1          |
#	+----------------------+             +-----------------------------+
set -u
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export NO_COLOR=1
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
sluice=${SLUICE:-$root/build/sluice}
generator=${SLUICE_GEN:-$root/build/sluice-gen}
agent=0

skip() {
	echo "skipped: $*"
	exit 77
}

fail() {
	echo "FAILED: $*"
	[ ! -s "${agent_log:-}" ] || sed 's/^/  agent: /' "$agent_log"
	exit 1
}

# expect WHAT ACTUAL EXPECTED
expect() {
	[ "$2" = "$3" ] || fail "$1 is '$2', expected '$3'"
	echo "ok: $1 is $3"
}

# expect_that WHAT COMMAND…: the command must succeed.
expect_that() {
	local what=$1
	shift
	"$@" || fail "not true: $what"
	echo "ok: $what"
}

# wait_until SECONDS COMMAND…
wait_until() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$deadline" ] || return 1
		sleep 0.05
	done
}

# netns_enter "$@": first thing of a test.
netns_enter() {
	[ -z "${NETNS_INSIDE:-}" ] || return 0
	local tool inner status=0
	for tool in ip tc unshare nsenter setpriv jq; do
		command -v $tool >/dev/null || skip "$tool is not installed"
	done
	if [ ! -x "$sluice" ] || [ ! -x "$generator" ]; then fail "build first: make"; fi
	[ "$(id -u)" -eq 0 ] || skip "needs root: it makes network namespaces"
	unshare --mount --pid --net --fork true 2>/dev/null ||
		skip "no new namespaces here (a container without CAP_SYS_ADMIN?)"
	NETNS_INSIDE=1 setpriv --pdeathsig KILL unshare --mount --propagation private --pid --net \
		--fork --kill-child --mount-proc bash "$0" "$@" </dev/null &
	inner=$!
	# shellcheck disable=SC2064 # the process is known now
	trap "kill -KILL $inner 2>/dev/null; wait $inner 2>/dev/null; exit 1" INT TERM HUP
	wait "$inner" || status=$?
	exit "$status"
}

# A private /run for sockets and files, and a private bpffs; no interfaces yet.
netns_mounts() {
	mount -t tmpfs tmpfs /run || fail "no private /run"
	mount -t sysfs sysfs /sys 2>/dev/null
	mount -t bpf bpf /sys/fs/bpf || fail "no private bpffs"
	work=/run/work
	agent_log=$work/agent.log
	mkdir -p $work
	ip link set lo up
}

# The usual topology.
netns_open() {
	netns_mounts
	ip netns add sender || fail "no network namespace"
	ip -n sender link set lo up
	netns_link
}

# edge0 and wire0, new; also after edge0 was removed.
netns_link() {
	ip link add edge0 type veth peer name wire0 netns sender || fail "no veth pair"
	ip addr add 10.8.0.1/24 dev edge0
	ip -n sender addr add 10.8.0.2/24 dev wire0
	ip addr add fd08::1/64 dev edge0 nodad 2>/dev/null
	ip -n sender addr add fd08::2/64 dev wire0 nodad 2>/dev/null
	ip link set edge0 up
	ip -n sender link set wire0 up
	# A veth holds 256 packets: with a queue before it, newer kernels wait instead of dropping.
	nsenter --net=/run/netns/sender tc qdisc replace dev wire0 root pfifo limit 100000
	edge_mac=$(ip -o link show edge0 | sed -n 's/.*ether \([0-9a-f:]*\).*/\1/p')
	# Known neighbours: no datagram waits for an answer, none is lost to a full queue.
	ip -n sender neigh replace 10.8.0.1 lladdr "$edge_mac" dev wire0
	ip -n sender neigh replace fd08::1 lladdr "$edge_mac" dev wire0 2>/dev/null
}

# write_config FILE [KEY=VALUE…]: the keys below, changed or not.
write_config() {
	local file=$1 mode=auto workers=1 ring=4MiB tick=20ms disorder=200ms idle=500ms size=1s port=9125
	local interface=edge0 action=consume address='' state=$work/state socket=/run/sluice/sluice.sock
	local checksum=on groups=100000 filter='' group_by='[type, dim0]' sources=1024 segment=8MiB
	shift
	[ $# -eq 0 ] || local "$@"
	cat >"$file" <<-END
		state_dir: $state
		durability: none
		workers: $workers
		listen:
		  - name: edge
		    interface: $interface
		    mode: $mode
		    ${address:+address: "$address"}
		    port: $port
		    action: $action
		    checksum: $checksum
		    ring_size: $ring
		time: {max_ahead: 10s, idle_timeout: $idle, max_lag: 60s, tick: $tick}
		${filter:+filter: $filter}
		windows:
		  - name: clicks
		    kind: tumbling
		    size: $size
		    group_by: $group_by
		    aggregate: [count, records, sum, min, max, avg]
		    max_disorder: $disorder
		results_log: {segment_size: $segment, max_bytes: 64MiB}
		limits: {max_groups: $groups, max_sources: $sources, memory: 256MiB}
		admin: {socket: $socket}
	END
}

# agent_start CONFIG [PREFIX…]: until it is ready. PREFIX: a command that runs it (setpriv …).
agent_start() {
	local config=$1
	shift
	: >"$agent_log"	# not what an earlier agent said
	"$@" "$sluice" run -c "$config" >>"$agent_log" 2>&1 &
	agent=$!
	wait_until 10 agent_is_decided "$config" || fail "the agent did not get ready"
	kill -0 "$agent" 2>/dev/null ||
		{ wait "$agent"; fail "the agent did not start: exit status $?"; }
}

agent_is_decided() {
	grep -q 'msg=ready' "$agent_log" || ! kill -0 "$agent" 2>/dev/null
}

# agent_fails CONFIG CODE TEXT: the agent must refuse to start.
agent_fails() {
	local status=0
	timeout 20 "$sluice" run -c "$1" >"$work/refused.log" 2>&1 || status=$?
	[ "$status" -eq "$2" ] ||
		{ cat "$work/refused.log"; fail "exit status $status instead of $2"; }
	grep -q -- "$3" "$work/refused.log" || { cat "$work/refused.log"; fail "says nothing of '$3'"; }
	echo "ok: refused with $2 and '$3'"
}

# Orderly; must end with 0 and a balanced ledger.
agent_stop() {
	local status=0
	kill -TERM "$agent"
	wait "$agent" || status=$?
	agent=0
	expect "exit status of the agent" "$status" 0
	expect_that "the final ledger balances" grep -q 'msg="final ledger".* unaccounted=0' "$agent_log"
}

agent_kill() {
	kill -KILL "$agent"
	wait "$agent" 2>/dev/null
	agent=0
}

# status EXPRESSION: of jq, on the report.
status() {
	"$sluice" status --json --socket "${socket:-/run/sluice/sluice.sock}" | jq -r "$1"
}

# Everything that was emitted has been taken in: what tests compare is at rest then.
is_at_rest() {
	[ "$(status '.handover | .waiting_in_rings.datagrams == 0 and
		.emitted == {datagrams: (.consumed.datagrams + .unread_after_crash.datagrams),
			events: (.consumed.events + .unread_after_crash.events)}')" = true ]
}

await_rest() {
	wait_until 20 is_at_rest || { status . ; fail "the agent does not come to rest"; }
}

# The whole ledger by the sums of the document, not by the agent's own word for it.
ledger_balances() {
	local found
	found=$("$sluice" status --json --socket "${socket:-/run/sluice/sluice.sock}" | jq -r '
		def sum(f): [.[] | f] | add // 0;
		def balance(k): (.seen[k]) - (to_entries | map(select(.key != "seen") | .value[k]) | add);
		[.unaccounted]
		+ [.listeners[].ledger | balance("datagrams"), balance("events")]
		+ [.traffic.listened - ([.listeners[].ledger.seen.datagrams] | add)]
		+ [.traffic | .frames - (to_entries | map(select(.key != "frames") | .value) | add)]
		+ [.handover | (.emitted.datagrams - .consumed.datagrams - .waiting_in_rings.datagrams
			- .unread_after_crash.datagrams),
			(.emitted.events - .consumed.events - .waiting_in_rings.events
			- .unread_after_crash.events)]
		+ [.stream | .consumed - .accepted - .dictionary - .duplicate - .stale - .future
			- .rejected_record]
		+ [.windows[] | .accepted - .unselected - .duplicate_datagram - .aggregated
			- .duplicate_id - .overflow - .late - .rejected_pane]
		| map(select(. != 0)) | length')
	[ "$found" = 0 ]
}

# generate OPTION…: sluice-gen in the sender's network.
generate() {
	nsenter --net=/run/netns/sender "$generator" "$@"
}

# generate_on CPU OPTION…: the same on one CPU; the packets then arrive there too.
generate_on() {
	local cpu=$1
	shift
	nsenter --net=/run/netns/sender taskset -c "$cpu" "$generator" "$@"
}

# flood OPTION…: live XDP frames, as fast as one CPU can.
flood() {
	generate_on 0 --interface wire0 --to-mac "$edge_mac" --to 10.8.0.1:9125 --from 10.8.0.2:40000 "$@"
}

# query_all OPTION…: the rows of $state, of each of the test's windows.
# shellcheck disable=SC2120 # not every test has options for it
query_all() {
	local window
	# shellcheck disable=SC2154 # the test's
	for window in "${windows[@]}"; do
		"$sluice" query --state "$state" --window "$window" --format json "$@" || return
	done
}

rows_are_true() {
	query_all >"$work/rows.json" &&
		"$generator" verify --truth "$work/truth.json" --results "$work/rows.json" \
			>"$work/verify.txt"
}

# run_to_truth NAME WORKERS GENERATOR-OPTION…: an agent with a $state and a configuration of its own (the
# test's config_of STATE WORKERS writes $work/case.yaml); what is sent becomes rows that are the
# generator's truth, all final. The agent runs on.
run_to_truth() {
	local name=$1 workers=$2
	shift 2
	echo "--- $name"
	state=$work/state-$name
	config_of "$state" "$workers"
	agent_start "$work/case.yaml"
	generate --to 10.8.0.1:9125 --truth "$work/truth.json" -c "$work/case.yaml" --json "$@" \
		>"$work/sent.json" || fail "the generator"
	await_rest
	expect_that "the ledger balances" ledger_balances
	wait_until 15 rows_are_true ||
		{ cat "$work/verify.txt"; fail "rows differ from the truth"; }
	echo "ok: $(cat "$work/verify.txt")"
}
