/* SPDX-License-Identifier: BSD-2-Clause */
/* The report as one JSON object, for programs. Counters keep their names of ledger.h. */
#include "engine/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/engine_state.h"
#include "engine/version.h"

/* Commas and keys; `key` NULL inside a list. */
struct json {
	struct text *out;
	bool needs_comma;
};

static void put_key(struct json *json, const char *key)
{
	if (json->needs_comma)
		text_add(json->out, ",");
	json->needs_comma = true;
	if (!key)
		return;
	text_add_quoted(json->out, key);
	text_add(json->out, ":");
}

static void open_with(struct json *json, const char *key, const char *bracket)
{
	put_key(json, key);
	text_add(json->out, bracket);
	json->needs_comma = false;
}

static void close_with(struct json *json, const char *bracket)
{
	text_add(json->out, bracket);
	json->needs_comma = true;
}

static void put_number(struct json *json, const char *key, __u64 number)
{
	put_key(json, key);
	text_format(json->out, "%llu", number);
}

static void put_signed(struct json *json, const char *key, __s64 number)
{
	put_key(json, key);
	text_format(json->out, "%lld", number);
}

static void put_text(struct json *json, const char *key, const char *value)
{
	put_key(json, key);
	text_add_quoted(json->out, value);
}

static void put_flag(struct json *json, const char *key, bool value)
{
	put_key(json, key);
	text_add(json->out, value ? "true" : "false");
}

static void put_count(struct json *json, const char *key, struct sluice_count count)
{
	open_with(json, key, "{");
	put_number(json, "datagrams", count.datagrams);
	put_number(json, "events", count.events);
	close_with(json, "}");
}

static void put_agent(struct json *json, const struct report *report)
{
	const struct engine *engine = report->engine;
	char id[33];

	for (int i = 0; i < 16; i++)
		snprintf(id + 2 * i, 3, "%02x", engine->store.manifest.agent_id[i]);
	open_with(json, "agent", "{");
	put_text(json, "version", engine_version());
	put_number(json, "pid", (__u64)getpid());
	put_text(json, "id", id);
	put_number(json, "epoch", engine->store.manifest.agent_epoch);
	put_number(json, "uptime_ns", report->now_mono_ns - engine->started_mono_ns);
	put_text(json, "durability", "none");
	put_text(json, "promise", report_promise());
	put_text(json, "config", engine->config->path);
	put_text(json, "state_dir", engine->config->state_dir);
	put_number(json, "workers", engine->worker_count);
	put_flag(json, "taken_over", bpf_loader_is_taken_over(engine->loader));
	put_flag(json, "stopping", engine->stage != ENGINE_RUNNING);
	close_with(json, "}");
}

static void put_clock(struct json *json, const struct report *report)
{
	open_with(json, "clock", "{");
	put_flag(json, "steady", !report->clock.is_stepping);
	put_signed(json, "offset_ns", report->clock.offset_ns);
	put_signed(json, "step_ns", report->clock.is_stepping ? report->clock.step_ns : 0);
	put_number(json, "stepping_ns", report->clock_stepping_ns);
	put_number(json, "steps_adopted", report->clock.steps_adopted);
	put_number(json, "steps_ended", report->clock.steps_ended);
	close_with(json, "}");
}

static void put_listener(struct json *json, const struct report *report, __u32 i)
{
	const struct config_listener *listener = &report->engine->config->listener[i];
	const struct links_interface *interface = links_of(&report->engine->links, i);
	const struct bpf_loader_interface *state = &interface->state;
	const struct sluice_ledger *ledger = &report->kernel.ledger[i];

	open_with(json, NULL, "{");
	put_text(json, "name", listener->name);
	put_text(json, "interface", listener->interface);
	put_number(json, "port", listener->port);
	put_text(json, "action", listener->action == SLUICE_ACTION_TAP ? "tap" : "consume");
	put_text(json, "mode", state->is_attached ? bpf_loader_mode_name(state->mode) : "none");
	put_flag(json, "attached", state->is_attached);
	put_text(json, "problem", interface->problem);
	put_text(json, "interface_now", state->now);
	put_number(json, "ifindex", state->ifindex);
	put_flag(json, "gone", !state->ifindex);
	put_flag(json, "up", state->is_up);
	put_number(json, "removals", interface->removals);
	put_number(json, "detachments", interface->detachments);
	put_count(json, "per_second", report_rate(report, i));
	open_with(json, "ledger", "{");
#define SLUICE_FIELD(name, text) put_count(json, #name, ledger->name);
	SLUICE_LEDGER(SLUICE_FIELD)
#undef SLUICE_FIELD
	close_with(json, "}");
	close_with(json, "}");
}

static void put_kernel(struct json *json, const struct report *report)
{
	open_with(json, "listeners", "[");
	for (__u32 i = 0; i < report->kernel.listener_count; i++)
		put_listener(json, report, i);
	close_with(json, "]");
	open_with(json, "traffic", "{");
#define SLUICE_FIELD(name, text) put_number(json, #name, report->kernel.traffic.name);
	SLUICE_TRAFFIC(SLUICE_FIELD)
#undef SLUICE_FIELD
	close_with(json, "}");
}

static void put_handover(struct json *json, const struct report *report)
{
	const struct tick *tick = &report->engine->tick;
	const struct sluice_stream_ledger *stream = &tick->sums.stream;

	open_with(json, "handover", "{");
	put_count(json, "emitted", account_emitted(&report->kernel));
	put_count(json, "consumed",
		  (struct sluice_count){ stream->consumed_datagrams, stream->consumed });
	put_count(json, "waiting_in_rings", report->waiting);
	put_count(json, "unread_after_crash", tick->unread.highest);
	close_with(json, "}");
}

static void put_stream(struct json *json, const struct report *report)
{
	const struct tick_sums *sums = &report->engine->tick.sums;

	open_with(json, "stream", "{");
#define SLUICE_FIELD(name, text) put_number(json, #name, sums->stream.name);
	SLUICE_STREAM_LEDGER(SLUICE_FIELD)
#undef SLUICE_FIELD
	put_number(json, "groups", sums->stats.groups);
	put_number(json, "panes", sums->stats.panes);
	put_number(json, "pane_groups", sums->stats.pane_groups);
	put_number(json, "memory_bytes", sums->stats.memory_bytes);
	put_number(json, "memory_bytes_max", sums->stats.memory_bytes_max);
	put_number(json, "sketch_bytes", sums->stats.sketch_bytes);
	put_number(json, "sketch_bytes_max", sums->stats.sketch_bytes_max);
	put_number(json, "sketch_pool_exhausted", sums->stats.sketches_refused);
	put_number(json, "rows_waiting", sums->stats.rows_waiting);
	close_with(json, "}");
}

static void put_dedup(struct json *json, const struct dedup_stats *dedup)
{
	open_with(json, "dedup", "{");
	put_number(json, "ids", dedup->ids);
	put_number(json, "ids_max", dedup->ids_max);
	put_number(json, "bytes_max", dedup->bytes_max);
	put_number(json, "slice_ns", dedup->slice_ns);
	put_number(json, "horizon_ns", dedup->horizon_ns);
	put_number(json, "displaced", dedup->displaced);
	put_number(json, "dropped", dedup->dropped);
	put_number(json, "undecided", dedup->undecided);
	close_with(json, "}");
}

static void put_window(struct json *json, const struct report *report, __u32 w)
{
	const struct window_spec *spec = &report->engine->config->window[w];
	const struct tick *tick = &report->engine->tick;
	const struct sluice_window_ledger *ledger = &tick->sums.window[w];
	const struct sluice_missing *missing = &tick->sums.missing[w];

	open_with(json, NULL, "{");
	put_text(json, "name", spec->name);
	put_text(json, "kind", report_window_kind(spec->kind));
	if (tick->watermark_ns[w] != SOURCES_WATERMARK_NONE) {
		put_signed(json, "watermark_ns", tick->watermark_ns[w]);
		put_signed(json, "lag_ns", (__s64)report->now_wall_ns - tick->watermark_ns[w]);
	}
	put_number(json, "accepted", tick->sums.stream.accepted);
#define SLUICE_FIELD(name, text) put_number(json, #name, ledger->name);
	SLUICE_WINDOW_LEDGER(SLUICE_FIELD)
#undef SLUICE_FIELD
	open_with(json, "missing", "{");
	put_number(json, "shed", missing->shed);
	put_number(json, "ring_full", missing->ring_full);
	put_number(json, "refused", missing->refused);
	put_number(json, "late", missing->late);
	put_number(json, "upstream", missing->upstream);
	close_with(json, "}");
	if (tick->sums.dedup[w].bytes_max)
		put_dedup(json, &tick->sums.dedup[w]);
	close_with(json, "}");
}

static void put_sources(struct json *json, const struct sources_stats *sources)
{
	open_with(json, "sources", "{");
	put_number(json, "known", sources->known);
	put_number(json, "live", sources->live);
	put_number(json, "set_aside", sources->set_aside);
	put_number(json, "overflowed", sources->overflowed);
	put_number(json, "restarts", sources->restarts);
	put_number(json, "gaps", sources->missing);
	close_with(json, "}");
}

static void put_rings(struct json *json, const struct engine *engine)
{
	open_with(json, "rings", "[");
	for (__u32 w = 0; w < engine->worker_count; w++) {
		for (__u32 i = 0; i < engine->worker[w].ring_count; i++) {
			const struct worker_ring *ring = &engine->worker[w].ring[i];

			open_with(json, NULL, "{");
			put_number(json, "cpu", ring->cpu);
			put_number(json, "worker", w);
			put_number(json, "bytes", ring->reader.ring_bytes);
			put_number(json, "waiting_bytes", worker_ring_waiting_bytes(ring));
			put_number(json, "consumed_bytes",
				   __atomic_load_n(ring->reader.consumer, __ATOMIC_RELAXED));
			close_with(json, "}");
		}
	}
	close_with(json, "]");
}

static void put_results(struct json *json, const struct results_log_stats *stats)
{
	open_with(json, "results_log", "{");
	put_number(json, "durable_lsn", stats->durable_lsn);
	put_number(json, "segments", stats->segments);
	put_number(json, "segment_bytes", stats->segment_bytes);
	put_number(json, "rows", stats->rows);
	put_number(json, "records", stats->records);
	put_number(json, "batches", stats->batches);
	put_number(json, "bytes", stats->bytes);
	put_number(json, "waiting_bytes", stats->waiting_bytes);
	put_number(json, "buffers_free", stats->buffers_free);
	put_number(json, "reserve_failures", stats->reserve_failures);
	put_number(json, "commit_ns_max", stats->commit_ns_max);
	put_number(json, "segments_removed", stats->segments_removed);
	put_flag(json, "out_of_space", stats->is_out_of_space);
	put_signed(json, "error", stats->error);
	close_with(json, "}");
}

static void put_times(struct json *json, const struct report *report)
{
	const struct turn_times_sum *turns = &report->turns;
	const struct tick *tick = &report->engine->tick;

	open_with(json, "turns", "{");
	put_number(json, "count", turns->turns);
	put_number(json, "longest_ns", turns->longest_ns);
	put_number(json, "longest_cpu_ns", turns->longest_cpu_ns);
	open_with(json, "histogram", "[");
	for (unsigned int i = 0; i < TURN_TIMES_BUCKETS; i++) {
		open_with(json, NULL, "{");
		if (turn_times_bound_ns(i))
			put_number(json, "below_ns", turn_times_bound_ns(i));
		put_number(json, "turns", turns->bucket[i]);
		close_with(json, "}");
	}
	close_with(json, "]");
	close_with(json, "}");
	open_with(json, "ticks", "{");
	put_number(json, "count", tick->ticks);
	put_number(json, "delayed", tick->delayed);
	put_number(json, "longest_ns", tick->longest_ns);
	close_with(json, "}");
}

static void put_types(struct json *json, const struct engine *engine)
{
	struct sluice_types *types = malloc(sizeof(*types));

	open_with(json, "types", "[");
	if (types && bpf_loader_read_types(engine->loader, types) == 0) {
		for (__u64 i = 0; i < SLUICE_TYPE_COUNTERS; i++) {
			if (!types->type[i].seen)
				continue;
			open_with(json, NULL, "{");
			put_number(json, "type", i);
			put_number(json, "seen", types->type[i].seen);
			put_number(json, "dropped", types->type[i].dropped);
			close_with(json, "}");
		}
	}
	close_with(json, "]");
	free(types);
}

void report_write_json(const struct report *report, struct text *out)
{
	struct json json = { .out = out };

	open_with(&json, NULL, "{");
	put_agent(&json, report);
	put_clock(&json, report);
	put_kernel(&json, report);
	put_handover(&json, report);
	put_stream(&json, report);
	open_with(&json, "windows", "[");
	for (__u32 w = 0; w < report->engine->config->window_count; w++)
		put_window(&json, report, w);
	close_with(&json, "]");
	put_sources(&json, &report->sources);
	put_rings(&json, report->engine);
	put_results(&json, &report->results);
	put_times(&json, report);
	put_types(&json, report->engine);
	put_number(&json, "unaccounted", report->unaccounted);
	close_with(&json, "}");
	text_add(out, "\n");
}
