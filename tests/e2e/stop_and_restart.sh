#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# An orderly stop writes open windows as not final and leaves nothing in the kernel; the next start
# has a higher epoch, and the rows of both add up. SIGHUP judges the file and changes nothing.
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	| 10.8.0.2             |    veth     | 10.8.0.1                    |
#	+----------------------+             +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open

query() {
	"$sluice" query --state "$work/state" --window clicks --format json | jq -s "$1"
}

# One window for everything: an hour that nothing closes.
write_config "$work/c.yaml" size=1h disorder=10m idle=1h
start=2026-01-01T00:10:00Z
send=(--to 10.8.0.1:9125 --start-time "$start" --datagrams 2000 --rate 20k/s --events 7 --types 3 --dims 2)

agent_start "$work/c.yaml"
generate "${send[@]}" --epoch 1 || fail "the generator"
await_rest
kill -HUP "$agent"
wait_until 5 grep -q 'reload is not in this version' "$agent_log" || fail "SIGHUP says nothing"
sed 's/size: 1h/size: none/' "$work/c.yaml" >"$work/new.yaml" && cp "$work/new.yaml" "$work/c.yaml"
kill -HUP "$agent"
wait_until 5 grep -q 'new configuration is not valid' "$agent_log" || fail "SIGHUP accepts anything"
echo "ok: SIGHUP judges the file"
agent_stop
expect_that "no program stays" sh -c '! ip link show edge0 | grep -q xdp'
expect_that "no pins stay" sh -c '! ls /sys/fs/bpf/sluice/v1/ledger 2>/dev/null'
expect_that "no socket stays" sh -c '! test -e /run/sluice/sluice.sock'
expect "rows are open" "$(query '[.[].final] | unique | map(tostring) | join(",")')" '"false"'
expect "records after the first run" "$(query '[.[].records] | add')" 14000
expect "epoch of the first run" "$(query '[.[].epoch] | max')" 1

write_config "$work/c.yaml" size=1h disorder=10m idle=1h
agent_start "$work/c.yaml"
expect "epoch of the second run" "$(status .agent.epoch)" 2
generate "${send[@]}" --epoch 2 || fail "the generator"
await_rest
agent_stop
expect "records of both runs" "$(query '[.[].records] | add')" 28000
expect "rows are one for each group" \
	"$(query 'length == (map([.start, .group]) | unique | length)')" true
"$sluice" log verify --state "$work/state" >/dev/null || fail "the log does not verify"
echo "ok: the log verifies"

# A second signal does not wait for anything, and leaves no program either.
agent_start "$work/c.yaml"
kill -STOP "$agent"
kill -TERM "$agent"
kill -INT "$agent"
kill -CONT "$agent"
wait "$agent"
code=$?
expect_that "the second signal ends it ($code)" test "$code" -le 1
expect_that "no program stays" sh -c '! ip link show edge0 | grep -q xdp'
