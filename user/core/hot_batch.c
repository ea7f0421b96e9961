/* SPDX-License-Identifier: BSD-2-Clause */
/* The hot path: decodes datagrams into the batch and runs it through the windows in stages,
 * fetching ahead for the next stage. Compiled twice, for any x86-64 and for x86-64-v3; chosen at
 * start. Anything rare (a new pane, a new row, a colliding tag) leaves to functions outside this
 * file. */
#include "core/dedup_hot.h"
#include "core/session_hot.h"
#include "core/stream_state.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#define inline_always static inline __attribute__((always_inline))
#define is_likely(x) __builtin_expect(!!(x), 1)
#define is_rare(x) __builtin_expect(!!(x), 0)

/* Into the second-level cache: far more misses may be under way there than in the first. */
#define fetch(address) __builtin_prefetch((address), 0, 2)

/* Below this many groups the index and the rows stay in the second-level cache by themselves. */
#define FETCH_GROUPS_MIN 8192u

/* Records lie one behind the other in the ring: what comes next is on its way while this is read. A
 * fetch beyond the end is harmless. */
#define FETCH_AHEAD_BYTES 1024

struct decode_result {
	__u32 accepted, future, newest_us;
};

inline_always bool is_dropped(const __u64 *marks, __u32 index)
{
	return marks[index / 64] >> (index % 64) & 1;
}

inline_always struct decode_result decode_events(struct batch *batch,
						 const struct datagram *datagram, __u32 count,
						 const __u32 size, const bool has_marks)
{
	const unsigned char *record = datagram->events + (size_t)datagram->taken * size;
	__u64 base_ns = datagram->header->base_time_ns;
	__u32 end = batch->count, future = 0, newest_us = 0;
	__u16 number = (__u16)(batch->datagram_count - 1);

	for (__u32 i = 0; i < count; i++, record += size) {
		const struct sluice_event *event = (const struct sluice_event *)record;
		__u32 offset_us = event->time_offset_us;
		bool is_future = offset_us > datagram->limit_us;

		__builtin_prefetch(record + FETCH_AHEAD_BYTES, 0, 3);
		if (has_marks && is_dropped(datagram->dropped, datagram->taken + i))
			continue;
		batch->key[end] = event->key;
		batch->value[end] = event->value;
		batch->time_ns[end] = (__s64)(base_ns + (__u64)offset_us * 1000);
		__builtin_memcpy(&batch->type_weight[end], &event->type, 4);
		__builtin_memcpy(&batch->dims01[end], &event->dim0, 8);
		batch->datagram[end] = number;
		newest_us = !is_future && offset_us > newest_us ? offset_us : newest_us;
		future += is_future;
		end += !is_future;
	}
	return (struct decode_result){ end - batch->count, future, newest_us };
}

/* The fields behind the first 32 bytes: 0 where the record is shorter. */
static void decode_rest(struct batch *batch, const struct datagram *datagram, __u32 count)
{
	const unsigned char *record =
		datagram->events + (size_t)datagram->taken * datagram->event_size;
	__u32 end = batch->count;

	for (__u32 i = 0; i < count; i++, record += datagram->event_size) {
		const struct sluice_event *event = (const struct sluice_event *)record;

		if (datagram->dropped && is_dropped(datagram->dropped, datagram->taken + i))
			continue;
		batch->index[end] = (__u16)(datagram->taken + i);
		batch->event_id[end] = datagram->event_size >= 40 ? event->event_id : 0;
		batch->dims23[end] = 0;
		if (datagram->event_size >= 48)
			__builtin_memcpy(&batch->dims23[end], &event->dim2, 8);
		end += event->time_offset_us <= datagram->limit_us;
	}
}

static void decode(struct stream *stream, struct datagram *datagram)
{
	struct batch *batch = &stream->batch;
	__u32 count = datagram->event_count - datagram->taken, room = BATCH_EVENTS - batch->count;
	struct decode_result result;

	count = count < room ? count : room;
	if (stream->wants_dims23 || stream->wants_event_id || stream->wants_index)
		decode_rest(batch, datagram, count);
	if (datagram->dropped)
		result = decode_events(batch, datagram, count, datagram->event_size, true);
	else if (datagram->event_size == 32)
		result = decode_events(batch, datagram, count, 32, false);
	else
		result = decode_events(batch, datagram, count, datagram->event_size, false);
	datagram->taken += count;
	datagram->accepted += result.accepted;
	datagram->future += result.future;
	if (result.newest_us > datagram->newest_us)
		datagram->newest_us = result.newest_us;
	batch->count += result.accepted;
}

/* Spreads one field of group_by over the words of the batch. */
static void pack_piece(struct batch *batch, const struct key_piece *piece)
{
	__u64 *word = batch->word[piece->word];
	__u32 count = batch->count, shift = piece->shift;

	switch (piece->field) {
	case SLUICE_FIELD_KEY:
		for (__u32 i = 0; i < count; i++)
			word[i] |= batch->key[i];
		break;
	case SLUICE_FIELD_SOURCE:
		for (__u32 i = 0; i < count; i++)
			word[i] |= batch->source_id[batch->datagram[i]];
		break;
	case SLUICE_FIELD_TENANT:
		for (__u32 i = 0; i < count; i++)
			word[i] |= (__u64)batch->tenant[batch->datagram[i]] << shift;
		break;
	case SLUICE_FIELD_TYPE:
		for (__u32 i = 0; i < count; i++)
			word[i] |= (__u64)(batch->type_weight[i] & 0xffff) << shift;
		break;
	case SLUICE_FIELD_DIM0:
		for (__u32 i = 0; i < count; i++)
			word[i] |= (batch->dims01[i] & 0xffffffff) << shift;
		break;
	case SLUICE_FIELD_DIM1:
		for (__u32 i = 0; i < count; i++)
			word[i] |= batch->dims01[i] >> 32 << shift;
		break;
	case SLUICE_FIELD_DIM2:
		for (__u32 i = 0; i < count; i++)
			word[i] |= (batch->dims23[i] & 0xffffffff) << shift;
		break;
	case SLUICE_FIELD_DIM3:
		for (__u32 i = 0; i < count; i++)
			word[i] |= batch->dims23[i] >> 32 << shift;
		break;
	default:
		break;
	}
}

static void pack_keys(struct batch *batch, const struct grouping *grouping)
{
	for (__u32 w = 0; w < grouping->key_words; w++)
		__builtin_memset(batch->word[w], 0, batch->count * sizeof(batch->word[w][0]));
	for (__u32 p = 0; p < grouping->piece_count; p++)
		pack_piece(batch, &grouping->piece[p]);
}

/* Key words of event i; with one word straight from where it stands. */
inline_always void read_key(const struct batch *batch, const __u64 *first_word, __u32 i,
			    const __u32 words, __u64 *key)
{
	key[0] = first_word[i];
	for (__u32 w = 1; w < words; w++)
		key[w] = batch->word[w][i];
}

/* Where lines are found, in registers: the stores of a loop could alias the dictionary itself. */
struct finder {
	const __u64 *now, *next;
	__u32 now_mask, next_mask;
	__u32 migrated;	/* 0 while nothing grows */
};

inline_always struct finder make_finder(const struct groups *groups)
{
	return (struct finder){ groups->now.words, groups->next.words, groups->now.mask,
				groups->next.mask, groups->is_growing ? groups->migrated : 0 };
}

inline_always const __u64 *find_line(const struct finder *finder, __u32 tag, const bool grows)
{
	if (grows && (tag & finder->now_mask) < finder->migrated)
		return finder->next + (size_t)(tag & finder->next_mask) * GROUPS_LINE_WORDS;
	return finder->now + (size_t)(tag & finder->now_mask) * GROUPS_LINE_WORDS;
}

inline_always void hash_keys(struct batch *batch, const struct groups *groups,
			     const __u64 *first_word, const __u32 words, const bool fetches,
			     const bool grows)
{
	const struct finder finder = make_finder(groups);
	const struct hash_seed seed = groups->seed;
	const __u32 count = batch->count;

	for (__u32 i = 0; i < count; i++) {
		__u64 key[SLUICE_KEY_WORDS_MAX];

		read_key(batch, first_word, i, words, key);
		batch->tag[i] = groups_tag_of(words == 1 ? hash_word(&seed, key[0])
							 : hash_words(&seed, key, words));
		if (fetches)
			fetch(find_line(&finder, batch->tag[i], grows));
	}
}

/* The first word of the line with this tag; 0 when it has none. */
inline_always __u64 probe_line(const __u64 *line, __u32 tag)
{
#if defined(__AVX2__)
	__m256i wanted = _mm256_set1_epi32((int)tag);
	__m256i low = _mm256_cmpeq_epi32(_mm256_load_si256((const __m256i *)line), wanted);
	__m256i high = _mm256_cmpeq_epi32(_mm256_load_si256((const __m256i *)(line + 4)), wanted);
	__u32 hits = ((__u32)_mm256_movemask_ps(_mm256_castsi256_ps(low)) & 0xaa) |
		     ((__u32)_mm256_movemask_ps(_mm256_castsi256_ps(high)) & 0xaa) << 8;

	return is_likely(hits) ? line[(__u32)__builtin_ctz(hits) / 2] : 0;
#else
	for (int i = 0; i < GROUPS_LINE_WORDS; i++) {
		if (line[i] >> 32 == tag)
			return line[i];
	}
	return 0;
#endif
}

inline_always void probe_keys(struct batch *batch, struct grouping *grouping,
			      const __u64 *first_word, const __u32 words, const bool grows)
{
	const struct finder finder = make_finder(&grouping->groups);
	const __u32 count = batch->count;

	for (__u32 i = 0; i < count; i++) {
		__u32 tag = batch->tag[i];
		__u64 word = probe_line(find_line(&finder, tag, grows), tag);

		if (is_rare(word == 0)) {
			__u64 key[SLUICE_KEY_WORDS_MAX];

			read_key(batch, first_word, i, words, key);
			batch->id[i] = grouping_find_or_add(grouping, key, tag);
			continue;
		}
		batch->id[i] = (__u32)word - 1;
	}
}

static __attribute__((noinline)) void add_overflow(struct window *window, struct batch *batch,
						   struct pane *pane, __u32 i)
{
	partial_add(&pane->overflow, batch->value[i], (__u16)(batch->type_weight[i] >> 16));
	window->ledger.overflow++;
	window_note_growth(window, pane, GROUPS_NONE, NULL);
}

/* An event without a pane to go to now: counted by its reason, or deferred. */
static __attribute__((noinline)) void put_aside(struct window *window, const struct batch *batch,
						const __u64 *first_word, const __u32 words, __u32 i,
						__u64 *reason)
{
	struct sluice_partial partial;
	struct extras_event event;
	__u64 key[SLUICE_KEY_WORDS_MAX];

	if (reason) {
		(*reason)++;
		if (window->late.event && reason == &window->ledger.late) {
			batch_read_event(batch, i, &event);
			window_keep_late(window, &event);
		}
		return;
	}
	partial_open(&partial);
	partial_add(&partial, batch->value[i], (__u16)(batch->type_weight[i] >> 16));
	key[0] = first_word[i];
	for (__u32 w = 1; w < words; w++)
		key[w] = batch->word[w][i];
	batch_read_event(batch, i, &event);
	if (window_defer(window, key, &partial, &event)) {
		window->ledger.aggregated++;
		return;
	}
	window->ledger.late++;
	window_keep_late(window, &event);
}

/* Finds the pane and the row of each event and fetches the row. No row: it has been accounted
 * for. */
inline_always void find_rows(struct stream *stream, struct window *window, const __u64 *first_word,
			     const __u32 words, const bool selects, const bool fetches)
{
	const __u32 row_bytes = PANE_ROW_BYTES(words);
	struct batch *batch = &stream->batch;
	struct grouping *grouping = window->grouping;
	__u64 pane_ns = (__u64)window->pane_ns;
	struct pane *pane = window->last;
	__s64 start_ns = window->last_start_ns;
	unsigned char *base = grouping->chunks.base;
	size_t chunk_bytes = grouping->chunks.chunk_bytes;
	const __u32 *chunk = pane ? pane->chunk : NULL;
	/* Rows of a young pane are mostly new, and a new row is checked against the dictionary. */
	bool is_young = fetches && (!pane || pane->rows < grouping->groups.count / 4 * 3);
	__u64 events = 0, unselected = 0;
	const __u32 count = batch->count;

	for (__u32 i = 0; i < count; i++) {
		__s64 time_ns = batch->time_ns[i];
		__u32 id = batch->id[i];
		__u32 number;

		batch->row[i] = NULL;
		if (selects && !(batch->selected[i] >> window->index & 1)) {
			unselected++;
			continue;
		}
		if (is_rare((__u64)(time_ns - start_ns) >= pane_ns || !pane)) {
			__u64 *reason;
			struct pane *other = window_pane(window, time_ns, &reason);

			if (!other) {
				put_aside(window, batch, first_word, words, i, reason);
				continue;
			}
			if (pane)
				pane->events += events;
			events = 0;
			pane = other;
			start_ns = pane->start_ns;
			chunk = pane->chunk;
		}
		events++;
		batch->pane[i] = pane;
		if (is_rare(id == GROUPS_NONE)) {
			add_overflow(window, batch, pane, i);
			continue;
		}
		number = chunk[id >> CHUNK_ROWS_SHIFT];
		if (is_rare(number == CHUNK_NONE)) {
			if (!window_row(window, pane, id)) {
				add_overflow(window, batch, pane, i);
				continue;
			}
			number = chunk[id >> CHUNK_ROWS_SHIFT];
		}
		batch->row[i] = base + number * chunk_bytes + (id & (CHUNK_ROWS - 1)) * row_bytes;
		if (fetches)
			fetch(batch->row[i]);
		if (is_young)
			fetch(groups_key(&grouping->groups, id));
	}
	if (pane)
		pane->events += events;
	window->last = pane;
	window->last_start_ns = start_ns;
	window->ledger.unselected += unselected;
}

inline_always bool has_key(const unsigned char *row, const __u64 *key, const __u32 words)
{
	const __u64 *stored = (const __u64 *)row;
	const struct sluice_partial *partial = (const struct sluice_partial *)(stored + words);
	__u64 difference = stored[0] ^ key[0];

	for (__u32 w = 1; w < words; w++)
		difference |= stored[w] ^ key[w];
	return difference == 0 && partial->records != 0;
}

inline_always void update_rows(struct stream *stream, struct window *window,
			       const __u64 *first_word, const __u32 words)
{
	struct batch *batch = &stream->batch;
	__u64 aggregated = 0;
	const __u32 count = batch->count;

	for (__u32 i = 0; i < count; i++) {
		unsigned char *row = batch->row[i];
		__u64 key[SLUICE_KEY_WORDS_MAX];

		if (is_rare(!row))
			continue;
		read_key(batch, first_word, i, words, key);
		if (is_rare(!has_key(row, key, words))) {
			row = window_open_row(window, batch->pane[i], key, batch->tag[i],
					      &batch->id[i]);
			batch->row[i] = row;
			if (!row) {
				add_overflow(window, batch, batch->pane[i], i);
				continue;
			}
		}
		partial_add(row_partial(row, words), batch->value[i],
			    (__u16)(batch->type_weight[i] >> 16));
		aggregated++;
	}
	window->ledger.aggregated += aggregated;
}

/* Late events may have reached rows that were emitted before: those are due for a revision; or rows
 * of which emission remembers an aggregate: those have grown. */
static __attribute__((noinline)) void note_growth(struct window *window, const struct batch *batch)
{
	for (__u32 i = 0; i < batch->count; i++) {
		struct sluice_partial partial;

		if (!batch->row[i] || !batch->pane[i]->is_behind)
			continue;
		partial_open(&partial);
		partial_add(&partial, batch->value[i], (__u16)(batch->type_weight[i] >> 16));
		window_note_growth(window, batch->pane[i], batch->id[i], &partial);
	}
}

inline_always void run_windows(struct stream *stream, struct grouping *grouping,
			       const __u64 *first_word, const __u32 words, const bool fetches)
{
	for (__u32 mask = grouping->window_mask; mask; mask &= mask - 1) {
		struct window *window = &stream->window[__builtin_ctz(mask)];

		if (is_rare(window->dedup != NULL))
			dedup_run(stream, window);
		if (window->sessions) {
			session_take_batch(stream, window, first_word, words, !window->takes_all,
					   fetches);
			continue;
		}
		if (window->takes_all)
			find_rows(stream, window, first_word, words, false, fetches);
		else
			find_rows(stream, window, first_word, words, true, fetches);
		update_rows(stream, window, first_word, words);
		if (is_rare(window->extras.count))
			window_add_extras(window, &stream->batch);
		if (is_rare(window->took_behind))
			note_growth(window, &stream->batch);
	}
}

inline_always void run_grouping(struct stream *stream, struct grouping *grouping, const __u32 words,
				const bool fetches)
{
	struct batch *batch = &stream->batch;
	const __u64 *first_word = batch->word[0];

	if (words == 1 && grouping->is_key_alone)
		first_word = batch->key;
	else
		pack_keys(batch, grouping);
	if (is_rare(grouping->groups.is_growing)) {
		hash_keys(batch, &grouping->groups, first_word, words, fetches, true);
		probe_keys(batch, grouping, first_word, words, true);
	} else {
		hash_keys(batch, &grouping->groups, first_word, words, fetches, false);
		probe_keys(batch, grouping, first_word, words, false);
	}
	run_windows(stream, grouping, first_word, words, fetches);
}

#define RUN_GROUPING(words)                                                                        \
	static void run_grouping_##words(struct stream *stream, struct grouping *grouping)         \
	{                                                                                          \
		if (grouping->groups.count >= FETCH_GROUPS_MIN)                                    \
			run_grouping(stream, grouping, words, true);                               \
		else                                                                               \
			run_grouping(stream, grouping, words, false);                              \
	}
RUN_GROUPING(1)
RUN_GROUPING(2)
RUN_GROUPING(3)
RUN_GROUPING(4)
RUN_GROUPING(5)

static void run(struct stream *stream)
{
	static void (*const by_words[])(struct stream *, struct grouping *) = {
		run_grouping_1, run_grouping_2, run_grouping_3, run_grouping_4, run_grouping_5,
	};

	for (__u32 g = 0; g < stream->grouping_count; g++) {
		struct grouping *grouping = &stream->grouping[g];

		grouping->added_count = 0;
		by_words[grouping->key_words - 1](stream, grouping);
		if (grouping->added_count)
			grouping_drop_unused(grouping);
		groups_grow_step(&grouping->groups, 16 + grouping->added_count);
	}
	stream->batch.count = 0;
	stream->batch.datagram_count = 0;
}

#define HOT_NAME_OF(variant) hot_##variant
#define HOT_NAME(variant) HOT_NAME_OF(variant)

const struct hot_operations HOT_NAME(HOT_VARIANT) = {
	.decode = decode,
	.run = run,
};
