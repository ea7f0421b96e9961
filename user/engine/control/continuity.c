/* SPDX-License-Identifier: BSD-2-Clause */
/* Fills the baseline from what the tick knows, and hands what was found to those it concerns. */
#include "engine/control/continuity.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/log.h"
#include "core/record/schema.h"
#include "edge/store/baseline.h"
#include "engine/control/engine_state.h"

/* An outage that lasts is told in pieces of this length, ahead of time: rows close meanwhile. */
#define OUTAGE_STEP_NS 1000000000ll

static __u64 less(__u64 from, __u64 what)
{
	return from > what ? from - what : 0;
}

static struct sluice_count count_less(struct sluice_count from, struct sluice_count what)
{
	return (struct sluice_count){ less(from.datagrams, what.datagrams),
				      less(from.events, what.events) };
}

int continuity_open(struct engine *engine)
{
	struct continuity *continuity = &engine->continuity;
	const struct sluice_baseline *found;
	int error = baseline_open(&continuity->baseline, &engine->store);

	if (error)
		return engine_problem(engine, EX_IOERR, "%s", engine->store.problem);
	for (int i = 0; i < SLUICE_LISTENERS_MAX; i++)
		continuity->told_ns[i] = INT64_MIN;
	found = baseline_found(continuity->baseline);
	continuity->found = found;
	continuity->is_same_boot =
		found && memcmp(found->boot_id, engine->store.boot_id, sizeof(found->boot_id)) == 0;
	if (continuity->is_same_boot)
		engine_clock_open(&engine->orders.clock, engine_clock_read(), &found->offset_ns);
	engine->started_wall_ns = engine_clock_now_ns(&engine->orders.clock);
	return 0;
}

void continuity_close(struct engine *engine)
{
	baseline_close(engine->continuity.baseline);
	engine->continuity.baseline = NULL;
	engine->continuity.found = NULL;
}

/* Counters are by number of the listener: those of one that has another number now say nothing. */
static void take_kernel(struct engine *engine, const struct sluice_baseline *found)
{
	struct account_kernel kernel = engine->tick.missing.kernel;

	for (__u32 i = 0; i < kernel.listener_count && i < found->listener_count; i++) {
		if (strcmp(found->listener[i].name, engine->config->listener[i].name) == 0)
			kernel.ledger[i] = found->listener[i].ledger;
	}
	kernel.traffic = found->traffic;
	missing_set_baseline(&engine->tick.missing, &kernel, found->now_ns);
}

void continuity_take_counters(struct engine *engine, const struct account_unread *unread)
{
	struct continuity *continuity = &engine->continuity;
	const struct sluice_baseline *found = continuity->found;

	continuity->is_same_maps =
		continuity->is_same_boot && bpf_loader_is_taken_over(engine->loader) &&
		found->ledger_map_id == bpf_loader_counters_id(engine->loader);
	if (!continuity->is_same_maps) {
		/* All of it was handed to somebody unknown. */
		continuity->lost = unread->highest;
		return;
	}
	take_kernel(engine, found);
	continuity->consumed_before = found->consumed;
	continuity->lost_before = found->lost;
	continuity->lost = count_less(count_less(unread->highest, found->consumed), found->lost);
	if (continuity->lost.datagrams)
		log_line(LOG_LEVEL_WARNING, "engine",
			 "the agent before had taken datagrams that no result shows",
			 log_unsigned("datagrams", continuity->lost.datagrams),
			 log_unsigned("events", continuity->lost.events));
}

void continuity_take_sources(struct engine *engine)
{
	const struct baseline *baseline = engine->continuity.baseline;
	__u64 taken = 0, refused = 0;
	const void *record;
	size_t at, bytes;

	/* An orderly stop leaves all of them exactly; else there is what each tick left. */
	for (int is_exact = 1; is_exact >= 0 && !taken; is_exact--) {
		at = 0;
		while (baseline_next_source(baseline, is_exact, &at, &record, &bytes)) {
			if (sources_import(engine->sources, record, bytes))
				refused++;
			else
				taken++;
		}
	}
	if (taken || refused)
		log_line(LOG_LEVEL_INFO, "engine", "sequences of the run before are known",
			 log_unsigned("records", taken), log_unsigned("left_out", refused));
}

void continuity_begin(struct engine *engine)
{
	__s64 now_ns = (__s64)engine_clock_now_ns(&engine->orders.clock);

	continuity_find_gaps(engine, now_ns);
	continuity_note_links(engine);
}

void continuity_add_gap(struct engine *engine, __u32 listener, __s64 from_ns, __s64 to_ns)
{
	struct continuity *continuity = &engine->continuity;

	for (__u32 w = 0; w < engine->config->window_count; w++) {
		if (!(engine->config->window[w].listener_mask >> listener & 1) ||
		    from_ns >= to_ns || continuity->gap_count == CONTINUITY_GAPS_MAX)
			continue;
		continuity->gap[continuity->gap_count++] =
			(struct sluice_gap){ .from_ns = from_ns,
					     .to_ns = to_ns,
					     .window = (__u16)w,
					     .cause = SLUICE_GAP_UNATTENDED };
	}
}

static __s64 of_boot(const struct engine *engine, __u64 boot_ns)
{
	return (__s64)clock_guard_now_ns(atomic_load(&engine->orders.clock.offset_ns), boot_ns);
}

static void note_outage(struct engine *engine, __u32 listener, __s64 now_ns)
{
	struct continuity *continuity = &engine->continuity;
	struct links_attendance attendance;
	__s64 *told_ns = &continuity->told_ns[listener], from_ns = *told_ns;

	links_attended(&engine->links, listener, &attendance);
	if (attendance.is_attended) {
		*told_ns = INT64_MIN;
		return;
	}
	if (from_ns == INT64_MIN)
		from_ns = attendance.known_ns ? of_boot(engine, attendance.known_ns)
					      : (__s64)engine->started_wall_ns;
	if (*told_ns != INT64_MIN && now_ns < *told_ns - OUTAGE_STEP_NS / 2)
		return;
	*told_ns = now_ns + OUTAGE_STEP_NS;
	continuity_add_gap(engine, listener, from_ns, *told_ns);
}

void continuity_note_links(struct engine *engine)
{
	__s64 now_ns = (__s64)engine_clock_now_ns(&engine->orders.clock);
	struct links_gap gap;

	while (links_next_gap(&engine->links, &gap))
		continuity_add_gap(engine, gap.listener,
				   gap.from_ns ? of_boot(engine, gap.from_ns)
					       : (__s64)engine->started_wall_ns,
				   of_boot(engine, gap.to_ns));
	for (__u32 i = 0; i < engine->config->listener_count; i++)
		note_outage(engine, i, now_ns);
}

static void fill_listeners(const struct engine *engine, struct sluice_baseline *next)
{
	for (__u32 i = 0; i < engine->config->listener_count; i++) {
		struct sluice_baseline_listener *listener = &next->listener[i];
		struct links_attendance attendance;

		links_attended(&engine->links, i, &attendance);
		memcpy(listener->name, engine->config->listener[i].name, sizeof(listener->name));
		listener->ifindex = attendance.ifindex;
		listener->link_id = attendance.is_attended ? attendance.link_id : 0;
		listener->attended_boot_ns = attendance.known_ns;
		listener->ledger = engine->tick.missing.kernel.ledger[i];
	}
	next->listener_count = engine->config->listener_count;
	next->traffic = engine->tick.missing.kernel.traffic;
}

static void fill_window(const struct engine *engine, __u32 w,
			struct sluice_baseline_window *window)
{
	const struct window_spec *spec = &engine->config->window[w];
	const struct window_open *open = &engine->tick.sums.open[w];

	*window = (struct sluice_baseline_window){
		.definition = schema_definition(spec),
		.epoch = engine->epochs[w],
		.watermark_ns = engine->tick.watermark_ns[w],
		.oldest_start_ns = open->oldest_start_ns,
		.oldest_revised_ns = open->oldest_revised_ns,
		.oldest_taken_ns = open->oldest_taken_ns,
		.newest_end_ns = open->newest_end_ns,
		.emitted_end_ns = open->emitted_end_ns,
		.complete_end_ns = engine->log ? results_log_complete_end(engine->log, w)
					       : INT64_MIN,
		.overlap_ns = open->overlap_ns,
		.allowed_lateness_ns = spec->allowed_lateness_ns,
		.open_records = open->records,
		.aggregated = engine->tick.sums.window[w].aggregated,
	};
	memcpy(window->name, spec->name, sizeof(window->name));
}

static void fill(struct engine *engine)
{
	const struct continuity *continuity = &engine->continuity;
	const struct sluice_stream_ledger *stream = &engine->tick.sums.stream;
	struct sluice_baseline *next = &engine->continuity.next;

	next->boot_ns = engine_clock_ns(CLOCK_BOOTTIME);
	next->offset_ns = atomic_load(&engine->orders.clock.offset_ns);
	next->now_ns = of_boot(engine, next->boot_ns);
	next->started_ns = (__s64)engine->started_wall_ns;
	next->flags = stream->consumed_datagrams ? SLUICE_BASELINE_HAS_CONSUMED : 0;
	next->ledger_map_id = bpf_loader_counters_id(engine->loader);
	next->consumed.datagrams =
		continuity->consumed_before.datagrams + stream->consumed_datagrams;
	next->consumed.events = continuity->consumed_before.events + stream->consumed;
	next->lost.datagrams = continuity->lost_before.datagrams + continuity->lost.datagrams;
	next->lost.events = continuity->lost_before.events + continuity->lost.events;
	fill_listeners(engine, next);
	next->window_count = engine->config->window_count;
	for (__u32 w = 0; w < next->window_count; w++)
		fill_window(engine, w, &next->window[w]);
}

static void put_source(void *context, __u32 place, const struct source_record *record, size_t bytes)
{
	baseline_put_source(context, place, record, record->lane_count ? bytes : 0);
}

static void replace_found(struct engine *engine)
{
	struct continuity *continuity = &engine->continuity;
	int error;

	if (continuity->has_begun ||
	    (engine->log && results_log_gaps_durable(engine->log) < continuity->gaps_told))
		return;
	error = baseline_begin(continuity->baseline, sources_place_count(engine->sources));
	continuity->has_begun = true;
	if (error)
		log_line(LOG_LEVEL_WARNING, "engine",
			 "no room for the baseline: after a crash, more of the results will be "
			 "called partial; free space in state_dir, then restart",
			 log_error(error));
}

void continuity_note_tick(struct engine *engine)
{
	struct continuity *continuity = &engine->continuity;

	continuity->gaps_told += continuity->gap_count;
	continuity->gap_count = 0;
	replace_found(engine);
	if (!continuity->has_begun)
		return;
	/* Sequences first: what they say was here is not taken again. */
	sources_export_changed(engine->sources, put_source, continuity->baseline);
	fill(engine);
	baseline_write(continuity->baseline, &continuity->next);
}

struct exact {
	__u8 *bytes;
	size_t count, room;
};

static void put_exact(void *context, __u32 place, const struct source_record *record, size_t bytes)
{
	struct exact *exact = context;
	__u32 head[2] = { (__u32)bytes, 0 };

	(void)place;
	if (!record->lane_count)
		return;
	if (exact->count + sizeof(head) + bytes > exact->room) {
		size_t room = exact->room * 2 + sizeof(head) + SOURCE_RECORD_BYTES_MAX;
		__u8 *grown = realloc(exact->bytes, room);

		if (!grown)
			return; /* the record by place says less, but enough */
		exact->bytes = grown;
		exact->room = room;
	}
	memcpy(exact->bytes + exact->count, head, sizeof(head));
	memcpy(exact->bytes + exact->count + sizeof(head), record, bytes);
	exact->count += sizeof(head) + bytes;
}

void continuity_finish(struct engine *engine, __s64 detached_now_ns)
{
	struct continuity *continuity = &engine->continuity;
	struct exact exact = { 0 };
	int error;

	if (!continuity->baseline)
		return;
	if (!continuity->has_begun) {
		continuity->gaps_told = 0;
		replace_found(engine);
	}
	sources_export_changed(engine->sources, put_source, continuity->baseline);
	sources_export_all(engine->sources, put_exact, &exact);
	fill(engine);
	continuity->next.flags |= SLUICE_BASELINE_STOPPED;
	continuity->next.now_ns = detached_now_ns;
	error = baseline_finish(continuity->baseline, &continuity->next, exact.bytes, exact.count);
	if (error)
		log_line(LOG_LEVEL_WARNING, "engine",
			 "the sequences of sources could not be kept: holes in them will not be "
			 "filled after the next start",
			 log_error(error));
	free(exact.bytes);
}
