#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The tests are tested: each bug of this list is planted in a copy of the engine, and the named program
# has to fail. Usage: tests/property/planted.sh [WORD], from the top of the tree; only bugs whose name
# has the word. Not part of `make test`: minutes of compiling.
set -u -o pipefail

# name | file | sed expression | program that fails | what it shows there
bugs=$(
	cat <<'LIST'
off_by_one_at_the_close|advance.c|s/if (end_ns > window->watermark_ns) {/if (end_ns >= window->watermark_ns) {/|test_scripts|window_ends_at_its_end
late_one_too_early|pane.c|s/window_last_expiry(window, start_ns) <= window->watermark_ns/window_last_expiry(window, start_ns) <= window->watermark_ns + 1/|test_tumbling|tumbling_random_streams
late_one_too_late|pane.c|s/window_last_expiry(window, start_ns) <= window->watermark_ns/window_last_expiry(window, start_ns) < window->watermark_ns/|test_tumbling|tumbling_random_streams
division_rounds_to_zero|pane.c|s/return value \/ by - (value % by < 0);/return value \/ by;/|test_scripts|testWindowAssignmentWithOffset
forget_a_pane|emit.c|s/\*pane_count = (__u32)(window->spec->size_ns \/ window->pane_ns);/&\n\tif (*pane_count > 2)\n\t\t(*pane_count)--;/|test_sliding|sliding_random_streams
panes_kept_for_ever|advance.c|s/if (end_ns <= window->watermark_ns \&\& (window->slides/if (end_ns < 0 \&\& (window->slides/|test_sliding|sliding_empty_state
drop_a_revision|pane.c|s/instance->has_changed = true;/instance->has_changed = instance->revision < 1;/|test_lateness|lateness_of_tumbling
revision_twice|emit.c|s/^\t\tinstance->revision++;/\t\tinstance->revision = 0;/|test_lateness|lateness_of_tumbling
increment_instead_of_total|emit.c|s/put_row(block, row);/put_row(block, row); if (!all) row_partial(block->end - block->row_bytes, grouping->key_words)->count = 1;/|test_lateness|lateness_of_tumbling
final_while_lateness_lasts|emit.c|s/if (instance->run_final \&\& instance->run_all)/if (instance->run_all)/|test_lateness|lateness_of_tumbling
never_final|emit.c|s/if (instance->run_final \&\& !instance->run_all)/if (0)/|test_lateness|lateness_of_tumbling
lateness_of_the_wrong_window|pane.c|s/\*last = floor_divide(start_ns - spec->offset_ns, spec->slide_ns);/*last = *first;/|test_sliding|sliding_random_streams
weight_zero_is_zero|pane.h|s/__s64 weight = weight_sent + (weight_sent == 0);/__s64 weight = weight_sent;/|test_scripts|sums_are_exact
overflow_loses_events|hot_batch.c|s/partial_add(&pane->overflow, batch->value\[i\],/if (i % 2) partial_add(\&pane->overflow, batch->value[i],/|test_bounds|bounds_of_groups
future_moves_the_watermark|hot_batch.c|s/newest_us = !is_future \&\& offset_us > newest_us/newest_us = offset_us > newest_us/|test_tumbling|tumbling_random_streams
short_records_read_on|hot_batch.c|s/datagram->event_size >= 48/datagram->event_size >= 40/|test_scripts|where_and_group
marks_are_ignored|stream.c|s/if (record->kept != header->event_count)/if (0)/|test_tumbling|tumbling_random_streams
marks_shifted_by_the_batch|hot_batch.c|s/is_dropped(datagram->dropped, datagram->taken + i)/is_dropped(datagram->dropped, i)/|test_tumbling|tumbling_random_streams
selection_of_another_window|hot_batch.c|s/selected\[i\] >> window->index \& 1/selected[i] \& 1/|test_tumbling|tumbling_random_streams
straggler_holds_the_window|sources.c|s/if (time_ns < bound_ns)/if (0)/|test_scripts|straggler_is_set_aside
idle_one_too_late|sources.c|s/seen - 1 + timeout_ns > sources->snapshot_mono_ns/seen - 1 + timeout_ns >= sources->snapshot_mono_ns/|test_scripts|watermark_minimum_of_sources
watermark_moves_back|sources.c|s/return watermark_ns > before_ns ? watermark_ns : before_ns;/return watermark_ns;/|test_scripts|straggler_is_set_aside
export_forgets_the_overflow|emit.c|s/= pane->overflow;/= (struct sluice_partial){ .min = INT64_MAX, .max = INT64_MIN };/|test_bounds|bounds_of_groups
merge_forgets_min|pane.h|s/into->min = from->min < into->min ?/into->min = from->min > into->min ?/|test_sliding|sliding_random_streams
room_is_forgotten|emit.c|s/block.rows->row_count < block.rows_max \&\&/block.rows->row_count <= block.rows_max \&\&/|test_tumbling|tumbling_random_streams
state_is_kept|pane.c|s/if (grouping->groups.references\[grouping->added\[i\]\] == 0)/if (0)/|test_tumbling|tumbling_empty_state
sequence_forgotten|sources.c|s/return dedup_sequence_test_and_set(.*/return DEDUP_NEW;/|test_scripts|sequence_counts_once
LIST
)

top=$(pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags="-std=gnu11 -w -I$top/include -D_GNU_SOURCE -O1 -g -fsanitize=address,undefined
	-fno-sanitize-recover=all"
cp -a user "$work/user"
cp -a user "$work/clean"

# Everything of user/core that is newer than its object, and the tests once.
compile() {
	local source object variant
	for source in "$work"/user/core/*.c "$work"/user/base/memory.c "$top"/tests/property/*.c; do
		object=$work/$(basename "$source" .c)
		case $source in
		*/hot_*.c) set -- baseline v3 ;;
		*) set -- plain ;;
		esac
		for variant; do
			[ "$object.$variant.o" -nt "$source" ] && [ -z "$all" ] && continue
			# shellcheck disable=SC2086 # flags are words
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
	[[ $name == *"${1:-}"* ]] || continue
	# The change may have the separator in it: the last two fields are the program and what it shows.
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
	elif ASAN_OPTIONS=detect_leaks=0 timeout 120 "$work/$program" >"$work/log" 2>&1; then
		echo "MISSED  $name: $program passes"
		missed=$((missed + 1))
	elif ! grep -Eq "FAILED.*$expected|AddressSanitizer|runtime error|Assertion" "$work/log"; then
		echo "OTHER   $name: $program fails, but not at $expected"
		grep '^\[  FAILED' "$work/log" | head -n 3
		missed=$((missed + 1))
	else
		echo "caught  $name by $program: $expected"
	fi
	cp "$work/clean/core/$file" "$work/user/core/$file"
done <<<"$bugs"
exit $((missed > 0))
