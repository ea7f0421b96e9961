/* SPDX-License-Identifier: BSD-2-Clause */
/* One listing for all forms and clients. */
#include "engine/report/report_sources.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/json_writer.h"
#include "base/units.h"
#include "engine/control/engine_state.h"
#include "engine/report/report_words.h"

#define INTERVAL_NS 1000000000ull
/* With very many sources: at most this part of the control thread's time. */
#define SHARE 20u

/* Lists them again when that is due. False without memory. */
static bool list(struct engine *engine)
{
	struct source_listing *listed = &engine->listed;
	__u64 now_ns = engine_clock_ns(CLOCK_MONOTONIC), spent_ns;

	if (!listed->entry)
		listed->entry = calloc(SOURCE_LISTING_MAX, sizeof(*listed->entry));
	if (!listed->entry)
		return false;
	if (now_ns < listed->next_mono_ns)
		return true;
	listed->count = sources_list(engine->sources, listed->entry, SOURCE_LISTING_MAX);
	listed->taken_mono_ns = now_ns;
	listed->taken_wall_ns = (__s64)engine_clock_now_ns(&engine->orders.clock);
	spent_ns = engine_clock_ns(CLOCK_MONOTONIC) - now_ns;
	listed->next_mono_ns =
		now_ns + (spent_ns > INTERVAL_NS / SHARE ? SHARE * spent_ns : INTERVAL_NS);
	return true;
}

static __u64 per_second(__u64 number, __u64 ns)
{
	return ns ? (__u64)((double)number * 1e9 / (double)ns) : 0;
}

static __u64 since_seen_ns(const struct source_listing *listed, const struct source_entry *entry)
{
	return listed->taken_mono_ns > entry->seen_mono_ns
		       ? listed->taken_mono_ns - entry->seen_mono_ns
		       : 0;
}

static void put_listeners(struct json_writer *json, const struct config *config, __u32 mask)
{
	json_open(json, "listeners", "[");
	for (__u32 i = 0; i < config->listener_count; i++)
		if (mask >> i & 1)
			json_text(json, NULL, config->listener[i].name);
	json_close(json, "]");
}

static void put_entry(struct json_writer *json, const struct engine *engine,
		      const struct source_entry *entry)
{
	const struct source_listing *listed = &engine->listed;

	json_open(json, NULL, "{");
	json_number(json, "id", entry->source_id);
	json_number(json, "epoch", entry->epoch);
	put_listeners(json, engine->config, entry->listeners);
	json_number(json, "datagrams", entry->datagrams);
	json_number(json, "records", entry->records);
	json_number(json, "datagrams_per_second",
		    per_second(entry->rate_datagrams, entry->rate_ns));
	if (entry->newest_time_ns != SOURCES_WATERMARK_NONE)
		json_signed(json, "lag_ns", listed->taken_wall_ns - entry->newest_time_ns);
	json_number(json, "gaps", entry->missing);
	json_number(json, "duplicates", entry->duplicates);
	json_number(json, "last_seen_ns", since_seen_ns(listed, entry));
	json_close(json, "}");
}

static void write_json(const struct engine *engine, struct text *out,
		       const struct sources_stats *stats, __u32 shown)
{
	struct json_writer json = { .out = out };

	json_open(&json, NULL, "{");
	json_number(&json, "known", stats->known);
	json_number(&json, "live", stats->live);
	json_number(&json, "set_aside", stats->set_aside);
	json_number(&json, "overflowed", stats->overflowed);
	json_open(&json, "sources", "[");
	for (__u32 i = 0; i < shown; i++)
		put_entry(&json, engine, &engine->listed.entry[i]);
	json_close(&json, "]");
	json_close(&json, "}");
	text_add(out, "\n");
}

static const char *lag(char out[WORDS_BYTES], const struct source_listing *listed,
		       const struct source_entry *entry)
{
	__s64 ns = listed->taken_wall_ns - entry->newest_time_ns;

	if (entry->newest_time_ns == SOURCES_WATERMARK_NONE)
		return "-";
	if (ns >= 100 * (__s64)INTERVAL_NS)
		return words_passed(out, (__u64)ns);
	snprintf(out, WORDS_BYTES, "%.3f s", (double)ns / 1e9);
	return out;
}

static void write_entry(const struct source_listing *listed, const struct source_entry *entry,
			struct text *out)
{
	char rate[UNITS_BYTES_MAX], gaps[UNITS_BYTES_MAX], duplicates[UNITS_BYTES_MAX];
	char behind[WORDS_BYTES], seen[WORDS_BYTES];

	text_format(out, "%20llu %10u %8s %10s %7s %7s %12s\n", entry->source_id, entry->epoch,
		    units_format_number_about(rate,
					      per_second(entry->rate_datagrams, entry->rate_ns)),
		    lag(behind, listed, entry), units_format_number_about(gaps, entry->missing),
		    units_format_number_about(duplicates, entry->duplicates),
		    words_passed(seen, since_seen_ns(listed, entry)));
}

static void write_table(const struct engine *engine, struct text *out,
			const struct sources_stats *stats, __u32 shown, bool is_colour)
{
	char line[WORDS_COLUMNS + 1];

	text_format(out, "%u known, %u live, %u set aside\n", stats->known, stats->live,
		    stats->set_aside);
	if (stats->overflowed)
		text_format(out,
			    "limits.max_sources was reached: %llu datagrams of sources that "
			    "share a place\n",
			    stats->overflowed);
	snprintf(line, sizeof(line), "%20s %10s %8s %10s %7s %7s %12s", "SOURCE", "EPOCH",
		 "DGRAMS/S", "LAG", "GAPS", "REPEATS", "LAST SEEN");
	words_heading(out, line, is_colour);
	for (__u32 i = 0; i < shown; i++)
		write_entry(&engine->listed, &engine->listed.entry[i], out);
	if (stats->known > shown)
		text_format(out, "… and %u that are no worse (--top N)\n", stats->known - shown);
}

void report_write_sources(struct engine *engine, struct text *out, enum report_sources_form form,
			  __u64 most)
{
	struct sources_stats stats;
	__u32 shown;

	if (!list(engine)) {
		text_add(out, "{\"error\":\"no memory for a listing\"}\n");
		return;
	}
	sources_read_stats(engine->sources, &stats);
	shown = most < engine->listed.count ? (__u32)most : engine->listed.count;
	if (form == REPORT_SOURCES_JSON)
		write_json(engine, out, &stats, shown);
	else
		write_table(engine, out, &stats, shown, form == REPORT_SOURCES_COLOUR);
}
