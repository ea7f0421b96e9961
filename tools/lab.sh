#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Two hosts on one machine, for tools/demo and tools/bench: sourced, not run. Everything lives in
# namespaces of its own (mounts, processes, network) and ends with the script, even when it is killed:
# no process, interface, namespace, mount or pinned map is left, and an agent of the host is not met.
#
#	network "sender"                     network of the script
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	| 10.9.0.2 fd09::2     |    veth     | 10.9.0.1 fd09::1            |
#	+----------------------+             +-----------------------------+

export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
LAB_TO=10.9.0.1:9125
lab_agent=0
LAB_NICE=0

lab_fail() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# lab_enter "$@": runs this script again inside of the namespaces, and does not return outside of them.
lab_enter() {
	[ -z "${SLUICE_LAB:-}" ] || return 0
	[ "$(id -u)" -eq 0 ] || lab_fail "needs root: it makes network namespaces and attaches an XDP program"
	local inner status=0 refusal
	refusal=$(unshare --mount --pid --net --fork true 2>&1) ||
		lab_fail "this machine allows no new namespaces (a container without CAP_SYS_ADMIN?): $refusal"
	SLUICE_LAB=1 setpriv --pdeathsig KILL setsid unshare --mount --propagation private --pid --net --fork \
		--kill-child --mount-proc bash "$0" "$@" </dev/null &
	inner=$!
	# shellcheck disable=SC2064 # the process is known now
	trap "kill -KILL $inner 2>/dev/null; wait $inner 2>/dev/null; lab_interrupted; exit 130" INT TERM HUP
	wait "$inner" || status=$?
	exit "$status"
}

lab_interrupted() {
	echo
	echo "Interrupted. Everything it had made is gone."
}

# Above what else runs on the machine, for measurements: less noise, though no quiet machine. Where the
# kernel shares CPUs out by session (autogroup), the session is what counts, and it is our own.
lab_prefer() {
	LAB_NICE=-15
	echo "$LAB_NICE" 2>/dev/null >/proc/self/autogroup
}

# The n-th CPU that may be used, from 0; the last one when there are fewer.
lab_cpu() {
	local list=() part
	for part in $(sed -n 's/^Cpus_allowed_list:\s*//p' /proc/self/status | tr ',' ' '); do
		mapfile -t -O "${#list[@]}" list < <(seq "${part%-*}" "${part#*-}")
	done
	echo "${list[$1]:-${list[-1]}}"
}

# The two networks, a private /run (the agent's socket, ip's names) and a private bpffs.
lab_open() {
	mount -t tmpfs tmpfs /run || lab_fail "cannot mount a private /run"
	mount -t sysfs sysfs /sys 2>/dev/null
	mount -t bpf bpf /sys/fs/bpf || lab_fail "cannot mount bpffs: is CONFIG_BPF_SYSCALL in this kernel?"
	ulimit -l unlimited 2>/dev/null
	ip netns add sender || lab_fail "cannot make a network namespace"
	ip link add edge0 type veth peer name wire0 netns sender || lab_fail "cannot make a veth pair"
	ip link set lo up
	ip -n sender link set lo up
	ip addr add 10.9.0.1/24 dev edge0
	ip -n sender addr add 10.9.0.2/24 dev wire0
	ip addr add fd09::1/64 dev edge0 nodad 2>/dev/null
	ip -n sender addr add fd09::2/64 dev wire0 nodad 2>/dev/null
	ip link set edge0 up
	ip -n sender link set wire0 up
	LAB_MAC=$(cat /sys/class/net/edge0/address 2>/dev/null ||
		ip -o link show edge0 | sed -n 's/.*ether \([0-9a-f:]*\).*/\1/p')
	LAB_SENDER_CPU=$(lab_cpu 0)
	LAB_AGENT_CPU=$(lab_cpu 1)
}

# lab_agent_start CONFIG LOG: until it says that it is ready.
lab_agent_start() {
	local waited=0
	nice -n "$LAB_NICE" taskset -c "$LAB_AGENT_CPU" build/sluice run -c "$1" >"$2" 2>&1 &
	lab_agent=$!
	until build/sluice status --json 2>/dev/null | grep -q '^{"answer"'; do
		if ! kill -0 "$lab_agent" 2>/dev/null || [ $((waited += 1)) -gt 100 ]; then
			echo "the agent did not start; it said:" >&2
			sed 's/^/  /' "$2" >&2
			return 1
		fi
		sleep 0.1
	done
}

# Orderly stop: drains, closes what is open, detaches.
lab_agent_stop() {
	local status=0
	kill -TERM "$lab_agent" 2>/dev/null
	wait "$lab_agent" || status=$?
	lab_agent=0
	return "$status"
}

# lab_send COMMAND…: on the other host, on a CPU of its own.
lab_send() {
	nice -n "$LAB_NICE" taskset -c "$LAB_SENDER_CPU" nsenter --net=/run/netns/sender "$@"
}

# sluice-gen there, sending live XDP frames.
lab_generate() {
	lab_send build/sluice-gen --interface wire0 --to-mac "$LAB_MAC" --to "$LAB_TO" \
		--from 10.9.0.2:40000 "$@"
}

# Nanoseconds of CPU that all threads of a process have had.
lab_cpu_ns() {
	cat /proc/"$1"/task/*/schedstat 2>/dev/null | awk '{ sum += $1 } END { printf "%.0f\n", sum }'
}
