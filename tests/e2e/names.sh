#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Dictionary datagrams: names that senders teach are printed by query, for types, dimensions, keys and
# tenants; those of the configuration win, the first of an id stays, second ones are counted; other
# workers' names arrive, and a restarted agent goes on with what is in its log.
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	| 10.8.0.2   fd08::2   |    veth     | 10.8.0.1   fd08::1          |
#	+----------------------+             +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open

# config_of STATE WORKERS: the usual file, with one name.
config_of() {
	write_config "$work/case.yaml" state="$1" workers="$2" group_by="[type, dim0, tenant]" groups=5000
	cat >>"$work/case.yaml" <<-'END'
		names: {types: {1: page_view}}
	END
}

query() {
	"$sluice" query --state "$state" --window clicks "$@"
}

# Values of a group field that some row has.
values() {
	query --format json | jq -rs "[.[].group.$1] | unique | join(\" \")"
}

# teach CPU PREFIX OPTION…
teach() {
	local cpu=$1 prefix=$2
	shift 2
	generate_on "$cpu" --to 10.8.0.1:9125 --rate 2k/s --datagrams 3000 --events 8 --sources 4 \
		--types 3 --dims 2 --tenants 2 --keys 10 --names "$prefix" --json "$@" >"$work/sent-$cpu" ||
		fail "the generator"
	await_rest
	expect_that "the ledger balances" ledger_balances
}

# run_case NAME WORKERS CPU
run_case() {
	echo "--- $1"
	state=$work/state-$1
	config_of "$state" "$2"
	agent_start "$work/case.yaml"
	teach "$3" shop
	expect_that "names were sent" [ "$(jq .taught.names "$work/sent-$3")" -gt 0 ]
	expect "names that came" "$(status .stream.dictionary)" "$(jq .taught.names "$work/sent-$3")"
	expect "second names" "$(status '.stream.name_conflicts > 0')" true
	agent_stop
	expect "types" "$(values type)" "page_view shop-type-2 shop-type-3"
	expect "dimension" "$(values dim0)" "shop-dim0-0 shop-dim0-1"
	expect "tenants" "$(values tenant)" "shop-tenant-0 shop-tenant-1"
	expect_that "rows by a learnt name" [ "$(query --json --where type=shop-type-2 | wc -l)" -gt 0 ]
	expect "rows by a name that nobody has" "$(query --json --where type=shop-type-1 | wc -l)" 0
	expect_that "they are what they are called" [ "$(query --json --where type=shop-type-2 | wc -l)" -eq \
		"$(query --json --where type=2 | wc -l)" ]
}

run_case alone 1 0
# Another agent on the same store: what it was told before comes first.
agent_start "$work/case.yaml"
teach 0 other --first-source 100
expect "names learnt again" "$(status .stream.names_learnt)" 0
expect_that "all of them are second names" [ "$(status .stream.name_conflicts)" -eq \
	"$(status .stream.dictionary)" ]
agent_stop
expect "types after a restart" "$(values type)" "page_view shop-type-2 shop-type-3"
# The packets arrive at the CPU of the second worker.
run_case second 2 1
