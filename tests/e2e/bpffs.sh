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

# One may have been mounted over another.
while grep -q " /sys/fs/bpf bpf " /proc/mounts; do
	umount /sys/fs/bpf || fail "umount /sys/fs/bpf"
done
expect_that "no BPF file system is there" sh -c '! grep -q " /sys/fs/bpf bpf " /proc/mounts'
write_config "$work/c.yaml"
status=0
timeout 20 setpriv --bounding-set=-all,+bpf,+net_admin,+dac_override --inh-caps=-all \
	"$sluice" run -c "$work/c.yaml" >"$work/refused.log" 2>&1 || status=$?
expect "exit status of an agent that may not mount" "$status" 73
grep -q 'mount -t bpf bpf /sys/fs/bpf' "$work/refused.log" ||
	{ cat "$work/refused.log"; fail "the command that mends it is not said"; }
echo "ok: and the command is said"
expect_that "nothing was mounted" sh -c '! grep -q " /sys/fs/bpf bpf " /proc/mounts'

agent_start "$work/c.yaml"
expect_that "an agent that may has mounted it" grep -q ' /sys/fs/bpf bpf ' /proc/mounts
expect_that "its maps are there" ls /sys/fs/bpf/sluice/v1/ledger
agent_stop
