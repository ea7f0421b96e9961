#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# An agent with nothing to do takes less than 1 % of one CPU, before and after traffic.
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	+----------------------+    veth     +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open

# Nanoseconds of CPU that all threads of the agent have had.
cpu_ns() {
	cat /proc/"$agent"/task/*/schedstat | awk '{ sum += $1 } END { printf "%.0f", sum }'
}

# Thousandths of a core, over 2 seconds.
share() {
	local before after
	before=$(cpu_ns)
	sleep 2
	after=$(cpu_ns)
	echo $(((after - before) / 2000000))
}

write_config "$work/c.yaml" workers=2 tick=50ms
agent_start "$work/c.yaml"
sleep 0.5
first=$(share)
expect_that "less than 10 thousandths of a core at first ($first)" test "$first" -lt 10
generate --to 10.8.0.1:9125 --datagrams 5000 --rate 20k/s || fail "the generator"
sleep 3
after=$(share)
expect_that "less than 10 thousandths of a core after traffic ($after)" test "$after" -lt 10
agent_stop
