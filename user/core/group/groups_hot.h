/* SPDX-License-Identifier: BSD-2-Clause */
/* The hot path of grouping, for hot_batch.c alone: what group_by names becomes key words, their
 * hash, and the id that the dictionary has for them. An id is a candidate: a tag may be somebody
 * else's, so whoever uses the id compares the key. */
#ifndef SLUICE_CORE_GROUPS_HOT_H
#define SLUICE_CORE_GROUPS_HOT_H

#include "core/stream/hot.h"

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
	__u32 migrated; /* 0 while nothing grows */
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

/* A key without a tag in its home line: new, or further on. */
static __attribute__((noinline)) __u32 add_key(struct grouping *grouping, const struct batch *batch,
					       const __u64 *first_word, const __u32 words, __u32 i)
{
	__u64 key[SLUICE_KEY_WORDS_MAX];

	read_key(batch, first_word, i, words, key);
	return grouping_find_or_add(grouping, key);
}

inline_always void hash_key(struct batch *batch, const struct finder *finder,
			    const struct hash_seed *seed, const __u64 *first_word,
			    const __u32 words, __u32 i, const enum reach reach, const bool grows)
{
	__u64 key[SLUICE_KEY_WORDS_MAX];

	read_key(batch, first_word, i, words, key);
	batch->tag[i] =
		groups_tag_of(words == 1 ? hash_word(seed, key[0]) : hash_words(seed, key, words));
	if (reach != REACH_L2)
		fetch(find_line(finder, batch->tag[i], grows));
}

inline_always void probe_key(struct batch *batch, struct grouping *grouping,
			     const struct finder *finder, const __u64 *first_word,
			     const __u32 words, __u32 i, const bool grows)
{
	__u32 tag = batch->tag[i];
	const __u64 *line = find_line(finder, tag, grows);
	__u64 word = probe_line(line, tag);

	/* Of a key whose line was full, mostly the next one. */
	if (is_rare(word == 0))
		word = probe_line(line + GROUPS_LINE_WORDS, tag);
	batch->id[i] = is_rare(word == 0) ? add_key(grouping, batch, first_word, words, i)
					  : (__u32)word - 1;
}

/* Few groups of small words: no hash, no probe. */
inline_always void look_up_ids(struct batch *batch, struct grouping *grouping,
			       const __u64 *first_word)
{
	const __u32 count = batch->count;

	for (__u32 i = 0; i < count; i++) {
		__u32 id = groups_find_direct(&grouping->groups, first_word[i]);

		batch->id[i] = is_rare(id == GROUPS_NONE)
				       ? add_key(grouping, batch, first_word, 1, i)
				       : id;
	}
}

inline_always void find_ids(struct batch *batch, struct grouping *grouping, const __u64 *first_word,
			    const __u32 words, const enum reach reach, const bool grows)
{
	const struct finder finder = make_finder(&grouping->groups);
	const struct hash_seed seed = grouping->groups.seed;
	const __u32 count = batch->count, ahead = reach == REACH_MEMORY ? FETCH_DISTANCE : count;
	__u32 hashed = 0;

	for (; hashed < ahead && hashed < count; hashed++)
		hash_key(batch, &finder, &seed, first_word, words, hashed, reach, grows);
	for (__u32 i = 0; i < count; i++) {
		if (reach == REACH_MEMORY && hashed < count)
			hash_key(batch, &finder, &seed, first_word, words, hashed++, reach, grows);
		probe_key(batch, grouping, &finder, first_word, words, i, grows);
	}
}

#endif
