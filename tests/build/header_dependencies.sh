#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Touch one header, and exactly the sources that include it are compiled again: what make would do is
# compared with what the compiler's own list of includes says. Nothing touched: nothing is done.
# timeout-seconds: 300
set -eu
cd "$(dirname "$0")/../.."
here=$PWD
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT

# A copy, so that a tree under edit does not matter; times are kept, so what is built stays built.
tar -cf - --exclude=build/bench --exclude=build/fuzz-corpus --exclude=build/test-logs \
	--exclude=build/thread --exclude=build/fuzz --exclude=build/tests --exclude=build/sanitize \
	--exclude=.git . | tar -xf - -C "$room"
cd "$room"
cp -a "$here/.git/HEAD" . 2>/dev/null || :
make -j2 all >/dev/null

if ! make -q all; then
	echo "a second make would do something:"
	make -n all
	exit 1
fi

# Sources that make would compile if HEADER had changed.
rebuilt() {
	make -n V=1 -W "$1" all | grep -oE -- ' -c [^ ]+\.c ' | awk '{ print $2 }' | sort -u
}

# SOURCE: and all it includes, a line each, asked of the compiler once.
find user tools/sluice-gen tools/bench tests/support bpf -name '*.bpf.c' -o -path 'user/*.c' \
	-o -path 'tools/sluice-gen/*.c' | sort | while read -r source; do
	case $source in
	*.bpf.c) clang -target bpf -Iinclude -Ivmlinux -Ibpf -MM "$source" ;;
	user/core/stream/hot_*) gcc -DHOT_VARIANT=baseline -Iinclude -Iuser -MM "$source" ;;
	*) gcc -D_GNU_SOURCE -Iinclude -Iuser -Ibuild/bpf -Ibuild/release/generated -MM "$source" ;;
	esac | tr -d '\n' | awk -v source="$source" '{ print source ":", $0, "" }'
done | tr -s '\\ ' ' ' >includes

# Sources that include HEADER.
includers() {
	grep -F " $1 " includes | cut -d : -f 1 | sort -u
}

count=0
for header in include/sluice/wire.h include/sluice/ledger.h user/base/text.h user/core/stream/stream.h \
	user/edge/xdp/ring_reader.h $(find bpf -name '*.bpf.h' | sort | head -n 1); do
	[ -e "$header" ] || continue
	want=$(includers "$header")
	# A BPF program's object makes its skeleton, and that makes whoever includes the skeleton.
	for program in $(grep '\.bpf\.c$' <<<"$want" || :); do
		skeleton=build/bpf/$(basename "$program" .bpf.c).skel.h
		want=$(printf '%s\n' "$want" "$(includers "$skeleton")")
	done
	want=$(sed '/^$/d' <<<"$want" | sort -u)
	got=$(rebuilt "$header")
	if [ "$want" != "$got" ]; then
		echo "$header: included by (<), compiled again (>):"
		diff <(echo "$want") <(echo "$got") || :
		exit 1
	fi
	echo "$header: $(wc -l <<<"$got") sources"
	count=$((count + 1))
done
[ "$count" -ge 4 ]
