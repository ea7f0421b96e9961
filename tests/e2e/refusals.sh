#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What an agent does not start over: another agent, its state, its socket, a foreign XDP program, a
# missing interface, a directory that is a file. Each refusal has its exit code and names the thing.
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run ×2  |
#	+----------------------+    veth     +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open

write_config "$work/c.yaml" interface=edge9
agent_fails "$work/c.yaml" 69 edge9

touch "$work/file"
write_config "$work/c.yaml" state="$work/file/state"
agent_fails "$work/c.yaml" 73 "$work/file"

write_config "$work/c.yaml" socket="$work/file"
agent_fails "$work/c.yaml" 75 "$work/file"
expect_that "a failed start leaves no program" sh -c '! ip link show edge0 | grep -q xdp'
expect_that "a failed start leaves no pins" sh -c '! ls /sys/fs/bpf/sluice/v1/ledger 2>/dev/null'

bpftool prog load "$root/build/bpf/foreign.bpf.o" /sys/fs/bpf/foreign type xdp ||
	fail "bpftool prog load"
bpftool net attach xdp pinned /sys/fs/bpf/foreign dev edge0 || fail "bpftool net attach"
id=$(bpftool -j prog show pinned /sys/fs/bpf/foreign | jq .id)
write_config "$work/c.yaml"
agent_fails "$work/c.yaml" 69 foreign_pass
agent_fails "$work/c.yaml" 69 "$id"
expect_that "the foreign program is still there" sh -c "ip link show edge0 | grep -q 'prog/xdp id $id'"
bpftool net detach xdp dev edge0
rm /sys/fs/bpf/foreign

agent_start "$work/c.yaml"
agent_fails "$work/c.yaml" 75 "$agent"
write_config "$work/second.yaml" state="$work/other" socket="$work/other.sock"
agent_fails "$work/second.yaml" 75 agent
"$sluice" detach >"$work/detach.log" 2>&1
expect "exit status of detach beside a running agent" $? 75
generate --to 10.8.0.1:9125 --datagrams 500 --rate 20k/s || fail "the generator"
await_rest
expect "the first agent works undisturbed" "$(status '.listeners[0].ledger.emitted.datagrams')" 500
agent_stop
