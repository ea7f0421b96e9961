#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A host without a BPF file system: the agent mounts one where it may, and else says the command.
#
#	network of the test
#	+-----------------------------+
#	| edge0 (XDP)  sluice run     |
#	+-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open

# The one seen at that path: the host may have another below this test's /sys.
has_bpffs() {
	[ "$(stat --file-system --format %T /sys/fs/bpf)" = bpf_fs ]
}

expect_that "a BPF file system is there" has_bpffs
umount /sys/fs/bpf || fail "umount /sys/fs/bpf"
has_bpffs && fail "a BPF file system is still there"
write_config "$work/c.yaml"
status=0
timeout 20 setpriv --bounding-set=-all,+bpf,+net_admin,+dac_override --inh-caps=-all \
	"$sluice" run -c "$work/c.yaml" >"$work/refused.log" 2>&1 || status=$?
expect "exit status of an agent that may not mount" "$status" 73
grep -q 'mount -t bpf bpf /sys/fs/bpf' "$work/refused.log" ||
	{ cat "$work/refused.log"; fail "the command that mends it is not said"; }
echo "ok: and the command is said"
has_bpffs && fail "one was mounted"

agent_start "$work/c.yaml"
expect_that "an agent that may has mounted it" has_bpffs
expect_that "its maps are there" ls /sys/fs/bpf/sluice/v1/ledger
agent_stop
