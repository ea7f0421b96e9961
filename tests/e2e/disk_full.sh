#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The disk of the results fills: packets are still taken in and accounted for, status says what is
# wrong, and with room again everything that waited is written. A disk that cannot even hold the
# first segment stops the start.
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	+----------------------+    veth     +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open

records() {
	"$sluice" query --state "$work/state" --window clicks --format json |
		sed -n 's/.*"records":\([0-9]*\).*/\1/p' | awk '{ sum += $1 } END { print sum + 0 }'
}

is_true() {
	[ "$(status "$1")" = true ]
}

mkdir "$work/state"
mount -t tmpfs -o size=1m tmpfs "$work/state"
write_config "$work/c.yaml" group_by='[key]' disorder=100ms segment=4MiB
agent_fails "$work/c.yaml" 73 "space"
umount "$work/state"

mount -t tmpfs -o size=5m tmpfs "$work/state"
agent_start "$work/c.yaml"
# 40,000 groups in each of three windows of one second: more than 4 MiB of rows.
generate --to 10.8.0.1:9125 --datagrams 60000 --rate 25k/s --events 20 --keys 40000 >/dev/null &
sender=$!
wait_until 15 is_true .results_log.out_of_space ||
	{ status .results_log; fail "want of space is not shown"; }
echo "ok: status shows the want of space"
wait "$sender" || fail "the generator"
await_rest
expect "datagrams taken in" "$(status .handover.consumed.datagrams)" 60000
expect_that "the ledger balances" ledger_balances
expect_that "the agent goes on" kill -0 "$agent"
expect_that "status says so first" sh -c "$sluice status | head -n 1 | grep -q '^PROBLEM: .*no space left'"
"$sluice" status >/dev/null
expect "exit status of status" $? 1
expect_that "the ledger says so" sh -c "$sluice status -v | grep -q 'NO SPACE LEFT'"

mount -o remount,size=128m "$work/state"
wait_until 10 is_true '.results_log.out_of_space | not' || fail "it does not go on"
echo "ok: it goes on by itself"
expect_that "the log says that the disk is full" grep -q 'level=error msg="the disk is full' "$agent_log"
wait_until 10 grep -q 'msg="the disk has room again' "$agent_log" || fail "the log does not tell the end"
echo "ok: and that it is not any more"
aggregated=$(status '.windows[0].aggregated + .windows[0].overflow')
agent_stop
expect "records in all rows" "$(records)" "$aggregated"
