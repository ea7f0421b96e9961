#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Signals at any time: SIGTERM ends a start that takes long within a second, and leaves nothing in the
# kernel; SIGHUP never waits for what lies where the file was; signals that nothing uses do not kill.
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	+----------------------+    veth     +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open
command -v gcc >/dev/null || skip "gcc is not installed"

# slow FUNCTION: a library in which this function of libc or liburing does not come back for long.
slow() {
	printf 'int open(), close(); unsigned int sleep();
		int %s() { close(open("%s/slow", 0101, 0600)); sleep(30); return -1; }\n' "$1" "$work" |
		gcc -w -shared -fPIC -fno-builtin -x c - -o "$work/slow.so" || fail "gcc"
}

# ends_in_time SIGNAL: the agent, within a second.
ends_in_time() {
	local before after
	before=$(date +%s%N)
	kill "-$1" "$agent"
	wait "$agent"
	code=$?
	after=$(date +%s%N)
	expect_that "it ends within a second ($(((after - before) / 1000000)) ms)" \
		test $((after - before)) -lt 1000000000
	expect "its exit status" "$code" 0
	agent=0
}

# The store is made with fdatasync, before the kernel is touched; the results log is opened with an
# io_uring, after the program was loaded.
for function in fdatasync io_uring_queue_init_params; do
	slow $function
	for signal in TERM INT; do
		rm -rf "$work/state" "$work/slow"
		write_config "$work/c.yaml"
		LD_PRELOAD=$work/slow.so "$sluice" run -c "$work/c.yaml" >"$agent_log" 2>&1 &
		agent=$!
		wait_until 20 test -e "$work/slow" || fail "the start does not call $function"
		echo "--- SIG$signal in $function"
		ends_in_time $signal
		expect_that "no pins stay" sh -c '! test -e /sys/fs/bpf/sluice/v1/ledger'
		expect_that "no program stays" sh -c '! ip link show edge0 | grep -q xdp'
	done
done
rm -rf "$work/state"

echo "--- a usual start can be stopped at any moment"
for pause in 0 0.02 0.1 0.2 0.3 0.5 0.8; do
	"$sluice" run -c "$work/c.yaml" >"$agent_log" 2>&1 &
	agent=$!
	sleep $pause
	kill -TERM "$agent"
	wait "$agent"
	code=$?
	# 143: before it listened to signals.
	expect_that "SIGTERM after $pause s ends it ($code)" test "$code" = 0 -o "$code" = 143
	expect_that "no pins stay" sh -c '! test -e /sys/fs/bpf/sluice/v1/ledger'
	expect_that "no program stays" sh -c '! ip link show edge0 | grep -q xdp'
done

echo "--- signals that nothing uses"
agent_start "$work/c.yaml"
for signal in USR1 USR2 ALRM VTALRM PROF IO PWR PIPE; do
	kill -$signal "$agent"
	sleep 0.02
	expect_that "SIG$signal does not kill" kill -0 "$agent"
done

echo "--- SIGHUP, with all that may lie where the file was"
reread() {
	: >"$agent_log"
	kill -HUP "$agent"
	wait_until 5 grep -q 'configuration' "$agent_log" || fail "SIGHUP is not answered: $1"
	expect_that "the agent answers after $1" "$sluice" status --json --socket /run/sluice/sluice.sock \
		>/dev/null
}
reread "the same file"
cp "$work/c.yaml" "$work/kept.yaml"
rm "$work/c.yaml"
reread "no file"
mkfifo "$work/c.yaml"
reread "a FIFO"
expect_that "the log says what it is" grep -q 'not a regular file' "$agent_log"
rm "$work/c.yaml"
mkdir "$work/c.yaml"
reread "a directory"
rmdir "$work/c.yaml"
truncate -s 8G "$work/c.yaml"
reread "a huge file"
expect_that "the log says what it is" grep -q 'larger than' "$agent_log"
rm "$work/c.yaml"
ln -s /dev/zero "$work/c.yaml"
reread "a device"
rm "$work/c.yaml"
mv "$work/kept.yaml" "$work/c.yaml"
agent_stop
