#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The tests are tested: each bug of planted.list is planted in a copy of the engine, and the named program
# has to fail, or not to end (then it says at which seed it died). Usage: tests/property/planted.sh [WORD],
# from the top of the tree; only bugs whose name has the word. Not part of `make test`: minutes of compiling.
set -u -o pipefail

top=$(pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags="-std=gnu11 -w -I$top/include -D_GNU_SOURCE -O1 -g -fsanitize=address,undefined
	-fno-sanitize-recover=all $(sed -n 's/^HOT_FLAGS_FOR_TESTS := //p' Makefile)"
cp -a user "$work/user"
cp -a user "$work/clean"

# Everything of user/core that is newer than its object, and the tests once.
compile() {
	local source object variant
	for source in "$work"/user/core/*/*.c "$work"/user/base/{memory,text}.c "$top"/tests/property/*.c; do
		object=$work/$(basename "$source" .c)
		case $source in
		*/hot_*.c) set -- baseline v3 ;;
		*) set -- plain ;;
		esac
		for variant; do
			[ "$object.$variant.o" -nt "$source" ] && [ -z "$all" ] && continue
			# shellcheck disable=SC2086,SC2046 # flags are words
			gcc $flags "-I$work/user" -DHOT_VARIANT="$variant" \
				$([ "$variant" = v3 ] && echo -march=x86-64-v3) \
				-c "$source" -o "$object.$variant.o" || return 1
		done
	done
}

link() {
	local objects=()
	mapfile -t objects < <(find "$work" -maxdepth 1 -name '*.o' ! -name 'test_*')
	gcc -fsanitize=address,undefined "$work/$1.plain.o" "${objects[@]}" -lcmocka -lm -lpthread \
		-o "$work/$1"
}

all=yes compile || exit 1
missed=0
while IFS='|' read -r name file change program expected; do
	[[ $name != \#* && $name == *"${1:-}"* ]] || continue
	sed -i "$change" "$work/user/core/$file"
	if cmp -s "$work/clean/core/$file" "$work/user/core/$file"; then
		echo "STALE   $name: $file has changed, the bug cannot be planted"
		missed=$((missed + 1))
		continue
	fi
	all=$([[ $file == *.h ]] && echo yes)
	if ! compile 2>"$work/log" || ! link "$program" 2>"$work/log"; then
		echo "STALE   $name does not compile"
		missed=$((missed + 1))
	elif ASAN_OPTIONS=detect_leaks=0 timeout -s ABRT 300 "$work/$program" >"$work/log" 2>&1; then
		echo "MISSED  $name: $program passes"
		missed=$((missed + 1))
	elif ! grep -Eq "FAILED.*$expected|AddressSanitizer|runtime error|Assertion|died at seed" "$work/log"; then
		echo "OTHER   $name: $program fails, but not at $expected"
		grep '^\[  FAILED' "$work/log" | head -n 3
		missed=$((missed + 1))
	else
		echo "caught  $name by $program: $expected"
	fi
	cp "$work/clean/core/$file" "$work/user/core/$file"
done <"$top/tests/property/planted.list"
exit $((missed > 0))
