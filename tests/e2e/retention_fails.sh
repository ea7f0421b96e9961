#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Segments of the results log that cannot be removed: the disk fills beyond max_bytes, and status tells,
# until they are gone.
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	+----------------------+    veth     +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open

segments() {
	ls "$work/state/results"/*.seg 2>/dev/null
}

# What something is mounted on cannot be removed. The agent has the file open already.
hold_segments() {
	local file
	while [ ! -e "$work/let_go" ]; do
		for file in $(segments); do
			mountpoint -q "$file" || mount --bind /dev/null "$file"
		done
		sleep 0.02
	done
}

says() {
	status .answer | grep -q -- "$1"
}

write_config "$work/c.yaml" group_by='[key]' disorder=100ms segment=4MiB
sed -i 's/max_bytes: 64MiB/max_bytes: 16MiB/' "$work/c.yaml"
agent_start "$work/c.yaml"
hold_segments &
holder=$!
# 50,000 groups in each of ten windows of one second: more than 30 MiB of rows.
generate --to 10.8.0.1:9125 --datagrams 50000 --rate 5k/s --events 20 --keys 50000 >"$work/sent.txt" 2>&1 &
sender=$!
wait_until 20 says '^PROBLEM: .*old results cannot be removed: Device or resource busy' ||
	{ status '.answer, .results_log'; cat "$work/sent.txt"; segments; fail "status does not tell"; }
echo "ok: status tells that old results are not removed"
wait "$sender"
touch "$work/let_go"
wait "$holder"
for file in $(segments); do umount "$file"; done
generate --to 10.8.0.1:9125 --datagrams 25000 --rate 10k/s --events 20 --keys 50000 --epoch 2 >/dev/null
wait_until 20 says '^OK: ' || { status '.answer, .results_log'; fail "it is still a problem"; }
echo "ok: with the segments gone all is well"
expect_that "the log holds no more than max_bytes" test \
	"$(du -sb "$work/state/results" | cut -f 1)" -le $(((16 + 4) << 20))
agent_stop
