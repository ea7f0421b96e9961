#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What status prints: first the answer, OK or PROBLEM with its reasons and exit 1; then a page, or with
# -v every counter, in 80 columns, with the balance last; valid JSON with all of it. From the socket of
# the option or of the file, under load too, and what it says when no agent runs.
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	+----------------------+    veth     +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open
socket=/run/other/agent.sock

"$sluice" status >"$work/none.log" 2>&1
expect "exit status without an agent" $? 69
expect_that "it says how to start one" grep -q 'sluice run' "$work/none.log"

write_config "$work/c.yaml" socket=$socket workers=2
agent_start "$work/c.yaml"
answer() {
	status .answer
}

says() {
	answer | grep -q -- "$1"
}

expect "the answer when nothing was sent" "$(answer)" \
	"OK: 0 datagrams/s in, 0 lost in the last minute, 1 window, disk ok"
bash -c 'echo lost >/dev/udp/127.0.0.1/9125'
expect "datagrams by loopback" "$(status .stack_unclaimed)" 1
expect_that "who is heard by nobody is told" says \
	'^PROBLEM: nothing was heard in the last minute, but 1 datagrams or fragments passed by'
expect "mode of the socket" "$(stat -c %a $socket)" 660
generate --to 10.8.0.1:9125 --datagrams 100000 --rate 40k/s --events 1-44 &
flood=$!
for round in 1 2 3 4 5 6 7 8 9 10; do
	sleep 0.2
	ledger_balances || { status .; fail "the document balances under load, round $round"; }
done
echo "ok: ten documents under load balance"
expect_that "rates are shown" test "$(status '.listeners[0].per_second.datagrams')" -gt 10000
wait "$flood" || fail "the generator"
await_rest
expect_that "the ledger balances at rest" ledger_balances

# page CODE OPTION…: is printed, in 80 columns, with the balance last, and exit status CODE.
page() {
	local code=$1 status=0
	shift
	"$sluice" status --socket $socket "$@" >"$work/page.txt" || status=$?
	cat "$work/page.txt"
	expect "exit status" "$status" "$code"
	expect "last line" "$(tail -n 1 "$work/page.txt")" "unaccounted: 0"
	expect_that "80 columns" test "$(LC_ALL=C.UTF-8 wc -L <"$work/page.txt")" -le 80
	expect "control codes" "$(grep -c $'\033' "$work/page.txt")" 0
}

echo "--- all is well"
page 0
expect_that "the first line is the answer" grep -qxE \
	'OK: [0-9.]+( [kM])? datagrams/s in, 0 lost in the last minute, 1 window, disk ok' \
	<(head -n 1 "$work/page.txt")
expect "the same answer in JSON" "$(answer | sed 's/OK: .* datagrams/OK: N datagrams/')" \
	"OK: N datagrams/s in, 0 lost in the last minute, 1 window, disk ok"
expect "problems" "$(status '.problems | length')" 0
expect_that "the page is short" test "$(wc -l <"$work/page.txt")" -le 20
expect_that "the page names the mode" grep -q native "$work/page.txt"
"$sluice" status -c "$work/c.yaml" >/dev/null || fail "status -c"
page 0 -v
expect_that "counters that never moved are there" grep -qE 'unknown flag bits +0 +0$' "$work/page.txt"
expect_that "and those of frames" grep -qE 'passed: not UDP +[0-9,]+$' "$work/page.txt"
expect_that "the ledger reads like a report" sh -c \
	"bpftool map dump pinned /sys/fs/bpf/sluice/v*/ledger | grep -q refused_magic"

echo "--- datagrams that no listener sees"
ip -n sender link set wire0 mtu 1300
generate --to 10.8.0.1:9125 --datagrams 10 --events 44 >/dev/null
ip -n sender link set wire0 mtu 1500
page 0
expect_that "the page tells of fragments" grep -qE '^[0-9]+ frames passed: IP fragment' "$work/page.txt"
expect_that "the page tells of loopback" grep -q '^11 UDP datagrams came by the stack' "$work/page.txt"

echo "--- what is lost is a problem"
generate --to 10.8.0.1:9125 --datagrams 2000 --events 10 --corrupt 1% --epoch 2 \
	--json >"$work/sent.json" || fail "the generator"
await_rest
page 1
expect_that "the first line is the answer" grep -q '^PROBLEM: lost in the last minute: ' \
	<(head -n 1 "$work/page.txt")
expect_that "refused datagrams are told" test "$(status .lost_last_minute.refused)" -gt 0
expect "problems" "$(status '.problems | length')" 1
"$sluice" status --json --socket $socket >/dev/null
expect "exit status with --json" $? 1
page 1 -v

echo "--- an interface without which nothing is heard"
ip link set edge0 down
wait_until 5 says 'interface edge0 is down' || fail "the answer does not name edge0: $(answer)"
page 1
expect "problems" "$(status '.problems | length')" 2
ip link set edge0 up
agent_stop
