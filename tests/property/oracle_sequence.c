/* SPDX-License-Identifier: BSD-2-Clause */
/* Which datagrams were here before: every one that was taken stays in a list, once for each set of
 * listeners that some window reads. */
#include "oracle_internal.h"

#define SEQUENCES_REMEMBERED 8192

/* What is one memory of sequences: a set of listeners, and there its source. Before the rule of
 * windows each listener was one. */
static __u32 memory_of(const struct oracle *oracle, const struct oracle_window *window,
		       const struct scenario_datagram *datagram)
{
	if (oracle->scenario->lacks & LACK_SEQUENCES_BY_SOURCE)
		return 1u << datagram->listener;
	return window->spec->listener_mask;
}

static enum oracle_verdict ask_memory(const struct oracle *oracle, __u32 listeners,
				      const struct scenario_datagram *datagram)
{
	__u64 behind = 0;
	bool is_known = false;

	if (!(listeners >> datagram->listener & 1))
		return ORACLE_UNREAD;
	for (size_t i = 0; i < oracle->sequence_count; i++) {
		const struct oracle_sequence *entry = &oracle->sequence[i];

		if (entry->listeners != listeners || entry->source_id != datagram->source_id ||
		    entry->epoch != datagram->epoch)
			continue;
		is_known |= entry->sequence == datagram->sequence;
		if ((__s64)(entry->sequence - datagram->sequence) > (__s64)behind)
			behind = entry->sequence - datagram->sequence;
	}
	if (behind >= SEQUENCES_REMEMBERED)
		return ORACLE_STALE;
	return is_known ? ORACLE_DUPLICATE : ORACLE_NEW;
}

/* What each window says of the datagram. 0: somebody takes it; else the counter to move. */
__u64 *oracle_sequence_judge(struct oracle *oracle, const struct scenario_datagram *datagram)
{
	struct sluice_stream_ledger *ledger = &oracle->result->stream;
	size_t source = oracle_source_find(oracle, datagram->listener, datagram->source_id);
	bool has[ORACLE_VERDICTS] = { false };

	for (__u32 i = 0; i < oracle->scenario->window_count; i++) {
		struct oracle_window *window = &oracle->window[i];

		window->verdict = ask_memory(oracle, memory_of(oracle, window, datagram), datagram);
		/* Who shares its place cannot be known again. */
		if (oracle->source[source].is_overflow && window->verdict != ORACLE_UNREAD)
			window->verdict = ORACLE_NEW;
		has[window->verdict] = true;
	}
	if (has[ORACLE_NEW] || !(has[ORACLE_DUPLICATE] || has[ORACLE_STALE]))
		return NULL;
	return has[ORACLE_DUPLICATE] ? &ledger->duplicate : &ledger->stale;
}

/* Who took the datagram knows its sequence from now on. */
void oracle_sequence_remember(struct oracle *oracle, const struct scenario_datagram *datagram)
{
	size_t source = oracle_source_find(oracle, datagram->listener, datagram->source_id);

	if (oracle->source[source].is_overflow)
		return;
	for (__u32 i = 0; i < oracle->scenario->window_count; i++) {
		__u32 listeners = memory_of(oracle, &oracle->window[i], datagram);

		if (ask_memory(oracle, listeners, datagram) != ORACLE_NEW)
			continue;
		oracle->sequence = scenario_grow(oracle->sequence, oracle->sequence_count,
						 sizeof(*oracle->sequence));
		oracle->sequence[oracle->sequence_count++] = (struct oracle_sequence){
			.source_id = datagram->source_id,
			.sequence = datagram->sequence,
			.epoch = datagram->epoch,
			.listeners = listeners,
		};
	}
}
