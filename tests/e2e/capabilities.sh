#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The agent runs as an ordinary user with CAP_BPF and CAP_NET_ADMIN and nothing else, and names the
# capability when one of them is missing.
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	+----------------------+    veth     +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open
uid=65534

# with CAPABILITIES COMMAND…: becomes that command, as that user.
with() {
	local caps=$1
	shift
	exec setpriv --reuid $uid --regid $uid --clear-groups --inh-caps "-all$caps" --ambient-caps "-all$caps" \
		--bounding-set "-all$caps" --no-new-privs "$@"
}

mkdir -p /run/sluice "$work/state"
chown $uid:$uid /run/sluice "$work/state" "$work"
cp "$sluice" "$work/sluice"
chmod 755 "$work" "$work/sluice"
sluice=$work/sluice
# bpffs belongs to root: the pins' directory is handed to the user.
mkdir -p /sys/fs/bpf/sluice
chown $uid:$uid /sys/fs/bpf/sluice
chmod 755 /sys/fs/bpf
write_config "$work/c.yaml"
chmod 644 "$work/c.yaml"

# agent_lacks CAPABILITIES NAME
agent_lacks() {
	(with "$1" timeout 20 "$sluice" run -c "$work/c.yaml") >"$work/refused.log" 2>&1
	expect "exit status without $2" $? 77
	grep -q "$2" "$work/refused.log" || { cat "$work/refused.log"; fail "$2 is not named"; }
	echo "ok: $2 is named"
}

agent_lacks ",+net_admin" CAP_BPF
agent_lacks ",+bpf" CAP_NET_ADMIN
agent_start "$work/c.yaml" with ",+bpf,+net_admin"
expect "user of the agent" "$(stat -c %u /proc/"$agent")" $uid
expect "capabilities" "$(sed -n 's/^CapEff:\s*//p' /proc/"$agent"/status)" 0000008000001000
generate --to 10.8.0.1:9125 --datagrams 2000 --rate 20k/s || fail "the generator"
await_rest
expect "datagrams" "$(status '.handover.consumed.datagrams')" 2000
agent_stop
