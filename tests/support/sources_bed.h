/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the sources share: a table and datagrams for it. */
#ifndef SLUICE_UNIT_SOURCES_BED_H
#define SLUICE_UNIT_SOURCES_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/source/sources.h"

#define SECOND 1000000000ll

struct sent {
	__u64 source;
	__u64 sequence;
	__s64 time_ns;
	__u64 mono_ns;
	__u32 epoch;
	__u32 worker;
	__u32 records;	/* 0: 10 */
	__u16 listener;
	bool is_refused;
	bool is_dictionary;
};

/* Two workers and two listeners; idle after 5 s, set aside after 60 s. */
static inline struct sources *open_bed(__u32 sources_max, const struct window_spec *windows,
				       __u32 window_count)
{
	const struct sources_options options = {
		.sources_max = sources_max,
		.worker_count = 2,
		.listener_count = 2,
		.windows = windows,
		.window_count = window_count,
		.idle_timeout_ns = 5 * SECOND,
		.max_lag_ns = 60 * SECOND,
		.hash_seed = 99,
	};
	struct sources *sources;

	assert_int_equal(sources_open(&sources, &options), 0);
	return sources;
}

/* One datagram; its time is noted when somebody takes it. */
static inline enum dedup_verdict send_of(struct sources *sources, struct sent sent,
					 __u32 *refused_windows)
{
	struct source_place place = { 0 };
	const struct source_datagram datagram = { .source_id = sent.source,
						  .sequence = sent.sequence,
						  .base_time_ns = (__u64)sent.time_ns,
						  .epoch = sent.epoch,
						  .records = sent.records ? sent.records : 10,
						  .listener = sent.listener,
						  .is_refused = sent.is_refused,
						  .is_dictionary = sent.is_dictionary };
	enum dedup_verdict verdict = sources_take(sources, sent.worker, &place, &datagram,
						  sent.mono_ns, refused_windows);

	if (verdict == DEDUP_NEW && !sent.is_refused && !sent.is_dictionary)
		sources_note(sources, sent.worker, &place, sent.listener, sent.time_ns,
			     sent.mono_ns);
	return verdict;
}

static inline enum dedup_verdict send(struct sources *sources, struct sent sent)
{
	__u32 refused_windows;

	return send_of(sources, sent, &refused_windows);
}

#endif
