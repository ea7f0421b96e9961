#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# sluice-gen as a person meets it: help, mistakes, the same bytes from the same seed, a truth that
# verify accepts and a damaged one that it does not. Needs no root.
set -u
cd "$(dirname "$0")/../.." || exit 1
# In a network of its own, with nothing but loopback: whatever is wrong, nothing can leave this
# machine.
if [ -z "${GENERATOR_ALONE:-}" ]; then
	as_root=(unshare --net)
	[ "$(id -u)" -eq 0 ] || as_root=(unshare --user --map-root-user --net)
	"${as_root[@]}" true 2>/dev/null || {
		echo "skipped: no network namespace to be had"
		exit 77
	}
	GENERATOR_ALONE=1 exec "${as_root[@]}" bash "$0" "$@"
fi
PATH=$PATH:/usr/sbin:/sbin ip link set lo up || exit 1
generator=${SLUICE_GEN:-$PWD/build/sluice-gen}
[ -x "$generator" ] || { echo "FAILED: build first: make"; exit 1; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

fail() {
	echo "FAILED: $*"
	exit 1
}

# refuses CODE TEXT OPTION…: ends with this exit status and says this. It may never start to send.
refuses() {
	local code=$1 text=$2 status=0
	shift 2
	timeout 5 "$generator" "$@" >"$work/out" 2>&1 || status=$?
	[ "$status" -eq "$code" ] || fail "sluice-gen $*: $status, not $code: $(cat "$work/out")"
	grep -qF -- "$text" "$work/out" || fail "sluice-gen $*: no '$text': $(cat "$work/out")"
	echo "ok: $code, '$text': sluice-gen $*"
}

cat >"$work/c.yaml" <<-END
	state_dir: $work/state
	durability: none
	listen:
	  - {name: edge, interface: lo, port: 9125}
	windows:
	  - {name: types, kind: tumbling, size: 1s, group_by: [type, dim0], aggregate: [count, avg]}
	  - {name: keys, kind: tumbling, size: 10s, group_by: [key], aggregate: [records, sum]}
END

for option in to interface rate events zipf disorder corrupt pcap from-pcap truth config; do
	"$generator" --help | grep -q -- "--$option" || fail "--help does not show --$option"
done
"$generator" verify --help | grep -q -- --allow-open || fail "verify --help is not complete"
echo "ok: help"

refuses 64 'nowhere to send to'
refuses 64 'unknown' --no-such-option
refuses 64 'make' --to 127.0.0.1 --datagrams 1
refuses 64 'make' --to nowhere:9125 --datagrams 1
refuses 64 'no flood without bounds' --to 1.1.1.1:9125
refuses 64 'no flood without bounds' --to 1.1.1.1:9125 --rate 1/s
refuses 64 'no flood without bounds' --to '[2606:4700::1111]:9125' --datagrams 1
live=(--interface lo --to-mac 2:0:0:0:0:1)
refuses 64 'no flood without bounds' "${live[@]}" --to 1.1.1.1:9125 --datagrams 1
refuses 64 'no flood without bounds' "${live[@]}" --to '[2606:4700::1111]:9125' --rate 1/s
refuses 64 'without --to-mac' --interface lo --datagrams 1
refuses 64 'give one of them' --interface lo --to-mac 2:0:0:0:0:1 --pcap "$work/x" --datagrams 1
refuses 64 'six bytes' --interface lo --to-mac nonsense --datagrams 1
refuses 64 'same family' --to 127.0.0.1:1 --from fd00::1 --datagrams 1
refuses 64 '44 or a range' --to 127.0.0.1:1 --datagrams 1 --events 0
refuses 64 '44 or a range' --to 127.0.0.1:1 --datagrams 1 --events 9-3
refuses 64 'can hold' --to 127.0.0.1:1 --datagrams 1 --events 2045 --event-size 40
refuses 64 'multiple of 8' --to 127.0.0.1:1 --datagrams 1 --event-size 33
refuses 64 'from 32 to 256' --to 127.0.0.1:1 --datagrams 1 --event-size 264
refuses 64 'a share from 0 to 1' --to 127.0.0.1:1 --datagrams 1 --loss 1.5
refuses 64 'add up to more than 1' --to 127.0.0.1:1 --datagrams 1 --loss 60% --corrupt 60%
refuses 64 'an exponent' --to 127.0.0.1:1 --datagrams 1 --zipf -1
refuses 64 'a range, as' --to 127.0.0.1:1 --datagrams 1 --values 5..1
refuses 64 'a time in UTC' --to 127.0.0.1:1 --datagrams 1 --start-time yesterday
refuses 64 'no end' --pcap "$work/x"
refuses 66 'cannot read' --datagrams 1 --truth "$work/t" -c /nonexistent.yaml
refuses 78 'is called other' --datagrams 1 --truth "$work/t" -c "$work/c.yaml" --listener other
refuses 73 'cannot write' --datagrams 1 --pcap /nonexistent/x.pcap
refuses 66 'cannot read the rows' verify --truth /nonexistent --results /nonexistent
[ ! -e "$work/x" ] || fail "a refused run has written"

faults=(--datagrams 5000 --rate 1k/s --start-time 2026-01-01T00:00:00Z --events 1-30
	--event-size 48 --sources 3 --keys 500 --zipf 1.2 --disorder 300ms
	--duplicates 5% --loss 5% --corrupt 5% --late 5% --future 5%)
for run in 1 2; do
	"$generator" "${faults[@]}" --pcap "$work/$run.pcap" --truth "$work/$run.json" \
		-c "$work/c.yaml" --json >"$work/$run.counts" || fail "run $run"
done
cmp "$work/1.pcap" "$work/2.pcap" || fail "two runs of one seed send different bytes"
cmp "$work/1.json" "$work/2.json" || fail "two runs of one seed tell different truths"
"$generator" "${faults[@]}" --seed 2 --pcap "$work/3.pcap" >/dev/null || fail "run 3"
! cmp -s "$work/1.pcap" "$work/3.pcap" || fail "another seed gives the same bytes"
echo "ok: the same seed gives the same bytes and the same truth"

"$generator" --pcap "$work/public.pcap" --to 1.1.1.1:9 --datagrams 3 >/dev/null || fail "capture"
refuses 64 'frame 1 of' --from-pcap "$work/public.pcap" --interface lo
refuses 64 'no flood without bounds' --from-pcap "$work/public.pcap" --interface lo --rate 1/s
refuses 64 'no flood without bounds' --from-pcap "$work/1.pcap" --to 1.1.1.1:9 --datagrams 1
"$generator" --from-pcap "$work/public.pcap" --interface lo --rate 100/s --datagrams 2 >/dev/null ||
	[ "$(id -u)" -ne 0 ] || fail "a bounded replay"
"$generator" --from-pcap "$work/1.pcap" --to 127.0.0.1:9 --json >"$work/replayed" || fail "replay"
sent=$(sed 's/.*"sent":{"datagrams":\([0-9]*\).*/\1/' "$work/1.counts")
[ "$sent" -gt 4500 ] || fail "only $sent datagrams of 5000"
grep -q "\"sent\":{\"datagrams\":$sent," "$work/replayed" || fail "the replay sent something else"
echo "ok: $sent datagrams replayed"

"$generator" verify --truth "$work/1.json" --results "$work/2.json" ||
	fail "a truth is not equal to itself"
sed '7d; 9s/"count":/"count":1/' "$work/1.json" >"$work/damaged.json"
status=0
"$generator" verify --truth "$work/1.json" --results "$work/damaged.json" --json \
	2>/dev/null >"$work/out" || status=$?
[ "$status" -eq 1 ] || fail "verify accepts a damaged truth: exit status $status"
grep -q '"missing":1,"unexpected":0,"differing":1,' "$work/out" ||
	fail "verify counts $(cat "$work/out")"
echo "ok: verify finds one missing row and one that differs"

: >"$work/empty.json"
refuses 1 'nothing was compared' verify --truth "$work/empty.json" --results "$work/empty.json"
refuses 1 'nothing was compared' verify --truth "$work/empty.json" --results "$work/1.json"
refuses 1 'the results hold no rows' verify --truth "$work/1.json" --results "$work/empty.json"
refuses 1 'nothing was compared' verify --truth "$work/1.json" --results "$work/1.json" --window other
refuses 1 'DIFFERENT' verify --truth "$work/1.json" --results "$work/empty.json"
"$generator" verify --truth "$work/empty.json" --results "$work/empty.json" --json 2>/dev/null |
	grep -q '"equal":false' || fail "nothing equals nothing"

# sends COUNT OPTION…: within 5 seconds, and so many datagrams; what it says is in $work/said.
sends() {
	local count=$1
	shift
	timeout 5 "$generator" "$@" --json >"$work/out" 2>"$work/said" ||
		fail "sluice-gen $*: $?: $(cat "$work/said")"
	grep -q "\"sent\":{\"datagrams\":$count," "$work/out" || fail "sluice-gen $*: $(cat "$work/out")"
	echo "ok: $count datagrams: sluice-gen $*"
}

sends 0 --to 127.0.0.1:9125 --duration 0s
sends 0 --to 127.0.0.1:9125 --duration 0s --rate 1k/s --datagrams 5
sends 0 --pcap "$work/none.pcap" --duration 0s
sends 0 --from-pcap "$work/1.pcap" --to 127.0.0.1:9125 --duration 0s

grep -qw localhost /etc/hosts && sends 3 --to localhost:9125 --datagrams 3
refuses 64 'a name that is known' --to localhost:0 --datagrams 1
refuses 64 'a name that is known' --to localhost:90000 --datagrams 1
refuses 64 'a name that is known' --to localhost --datagrams 1
refuses 64 'a name that is known' --to 300.1.1.1:9125 --datagrams 1

# Nothing is sent in fragments unasked.
sends 10 --to 127.0.0.1:9125 --datagrams 10
[ ! -s "$work/said" ] || fail "the default fits, and yet: $(cat "$work/said")"
PATH=$PATH:/usr/sbin:/sbin ip link set lo mtu 1300
sends 10 --to 127.0.0.1:9125 --datagrams 10
grep -q '38 events a datagram instead of 44' "$work/said" || fail "said: $(cat "$work/said")"
grep -q '"events":380}' "$work/out" || fail "not 38 events each: $(cat "$work/out")"
sends 10 --to 127.0.0.1:9125 --datagrams 10 --event-size 256
grep -q '4 events a datagram instead of 44' "$work/said" || fail "said: $(cat "$work/said")"
sends 10 --to 127.0.0.1:9125 --datagrams 10 --events 38
[ ! -s "$work/said" ] || fail "38 events fit, and yet: $(cat "$work/said")"
sends 10 --to 127.0.0.1:9125 --datagrams 10 --events 1-39
grep -q 'IP fragments, which no listener takes; give --events 38 at most' "$work/said" ||
	fail "said: $(cat "$work/said")"
