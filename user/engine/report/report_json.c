/* SPDX-License-Identifier: BSD-2-Clause */
/* The report as one JSON object, for programs. Counters keep their names of ledger.h. */
#include "engine/report/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json_writer.h"
#include "engine/control/engine_state.h"
#include "engine/version.h"

static void put_count(struct json_writer *json, const char *key, struct sluice_count count)
{
	json_open(json, key, "{");
	json_number(json, "datagrams", count.datagrams);
	json_number(json, "events", count.events);
	json_close(json, "}");
}

static void put_agent(struct json_writer *json, const struct report *report)
{
	const struct engine *engine = report->engine;
	char id[33];

	for (int i = 0; i < 16; i++)
		snprintf(id + 2 * i, 3, "%02x", engine->store.manifest.agent_id[i]);
	json_open(json, "agent", "{");
	json_text(json, "version", engine_version());
	json_number(json, "pid", (__u64)getpid());
	json_text(json, "id", id);
	json_number(json, "epoch", engine->store.manifest.agent_epoch);
	json_number(json, "uptime_ns", report->now_mono_ns - engine->started_mono_ns);
	json_text(json, "durability", "none");
	json_text(json, "promise", report_promise());
	json_text(json, "config", engine->config->path);
	json_text(json, "state_dir", engine->config->state_dir);
	json_number(json, "workers", engine->worker_count);
	json_flag(json, "taken_over", bpf_loader_is_taken_over(engine->loader));
	json_flag(json, "stopping", engine->stage != ENGINE_RUNNING);
	json_close(json, "}");
}

static void put_clock(struct json_writer *json, const struct report *report)
{
	json_open(json, "clock", "{");
	json_flag(json, "steady", !report->clock.is_stepping);
	json_signed(json, "offset_ns", report->clock.offset_ns);
	json_signed(json, "step_ns", report->clock.is_stepping ? report->clock.step_ns : 0);
	json_number(json, "stepping_ns", report->clock_stepping_ns);
	json_number(json, "steps_adopted", report->clock.steps_adopted);
	json_number(json, "steps_ended", report->clock.steps_ended);
	json_close(json, "}");
}

static void put_listener(struct json_writer *json, const struct report *report, __u32 i)
{
	const struct config_listener *listener = &report->engine->config->listener[i];
	const struct links_interface *interface = links_of(&report->engine->links, i);
	const struct bpf_loader_interface *state = &interface->state;
	const struct sluice_ledger *ledger = &report->kernel.ledger[i];

	json_open(json, NULL, "{");
	json_text(json, "name", listener->name);
	json_text(json, "interface", listener->interface);
	json_number(json, "port", listener->port);
	json_text(json, "action", listener->action == SLUICE_ACTION_TAP ? "tap" : "consume");
	json_text(json, "mode", state->is_attached ? bpf_loader_mode_name(state->mode) : "none");
	json_flag(json, "attached", state->is_attached);
	json_flag(json, "retired", listener->is_retired);
	json_text(json, "problem", interface->problem);
	json_text(json, "interface_now", state->now);
	json_number(json, "ifindex", state->ifindex);
	json_flag(json, "gone", !state->ifindex);
	json_flag(json, "up", state->is_up);
	json_number(json, "removals", interface->removals);
	json_number(json, "detachments", interface->detachments);
	put_count(json, "per_second", report_rate(report, i));
	json_open(json, "ledger", "{");
#define SLUICE_FIELD(name, text) put_count(json, #name, ledger->name);
	SLUICE_LEDGER(SLUICE_FIELD)
#undef SLUICE_FIELD
	json_close(json, "}");
	json_close(json, "}");
}

static void put_kernel(struct json_writer *json, const struct report *report)
{
	json_open(json, "listeners", "[");
	for (__u32 i = 0; i < report->kernel.listener_count; i++)
		put_listener(json, report, i);
	json_close(json, "]");
	json_open(json, "traffic", "{");
#define SLUICE_FIELD(name, text) json_number(json, #name, report->kernel.traffic.name);
	SLUICE_TRAFFIC(SLUICE_FIELD)
#undef SLUICE_FIELD
	json_close(json, "}");
	json_number(json, "stack_unclaimed", report->stack_unclaimed);
}

static void put_handover(struct json_writer *json, const struct report *report)
{
	json_open(json, "handover", "{");
	put_count(json, "emitted", account_emitted(&report->kernel));
	put_count(json, "consumed", report->consumed);
	put_count(json, "waiting_in_rings", report->waiting);
	put_count(json, "unread_after_crash", report->unread);
	put_count(json, "unread_of_the_last_run", report->engine->continuity.lost);
	json_close(json, "}");
}

static void put_stream(struct json_writer *json, const struct report *report)
{
	const struct tick_sums *sums = &report->engine->tick.sums;

	json_open(json, "stream", "{");
#define SLUICE_FIELD(name, text) json_number(json, #name, sums->stream.name);
	SLUICE_STREAM_LEDGER(SLUICE_FIELD)
#undef SLUICE_FIELD
	json_number(json, "groups", sums->stats.groups);
	json_number(json, "panes", sums->stats.panes);
	json_number(json, "pane_groups", sums->stats.pane_groups);
	json_number(json, "memory_bytes", sums->stats.memory_bytes);
	json_number(json, "memory_bytes_max", sums->stats.memory_bytes_max);
	json_number(json, "sketch_bytes", sums->stats.sketch_bytes);
	json_number(json, "sketch_bytes_max", sums->stats.sketch_bytes_max);
	json_number(json, "sketch_pool_exhausted", sums->stats.sketches_refused);
	json_number(json, "rows_waiting", sums->stats.rows_waiting);
	json_close(json, "}");
}

static void put_dedup(struct json_writer *json, const struct dedup_stats *dedup)
{
	json_open(json, "dedup", "{");
	json_number(json, "ids", dedup->ids);
	json_number(json, "ids_max", dedup->ids_max);
	json_number(json, "bytes_max", dedup->bytes_max);
	json_number(json, "slice_ns", dedup->slice_ns);
	json_number(json, "horizon_ns", dedup->horizon_ns);
	json_number(json, "displaced", dedup->displaced);
	json_number(json, "dropped", dedup->dropped);
	json_number(json, "undecided", dedup->undecided);
	json_close(json, "}");
}

static void put_window(struct json_writer *json, const struct report *report, __u32 w)
{
	const struct window_spec *spec = &report->engine->config->window[w];
	const struct tick *tick = &report->engine->tick;
	const struct sluice_window_ledger *ledger = &tick->sums.window[w];
	const struct sluice_missing *missing = &tick->sums.missing[w];

	json_open(json, NULL, "{");
	json_text(json, "name", spec->name);
	json_text(json, "kind", report_window_kind(spec->kind));
	if (tick->watermark_ns[w] != SOURCES_WATERMARK_NONE) {
		json_signed(json, "watermark_ns", tick->watermark_ns[w]);
		json_signed(json, "lag_ns", (__s64)report->now_wall_ns - tick->watermark_ns[w]);
	}
	json_number(json, "accepted", tick->sums.stream.accepted);
#define SLUICE_FIELD(name, text) json_number(json, #name, ledger->name);
	SLUICE_WINDOW_LEDGER(SLUICE_FIELD)
#undef SLUICE_FIELD
	json_number(json, "lost_open", report->engine->continuity.lost_open[w]);
	json_open(json, "missing", "{");
#define SLUICE_FIELD(name, text) json_number(json, #name, missing->name);
	SLUICE_MISSING(SLUICE_FIELD)
#undef SLUICE_FIELD
	json_close(json, "}");
	if (tick->sums.dedup[w].bytes_max)
		put_dedup(json, &tick->sums.dedup[w]);
	json_close(json, "}");
}

static void put_sources(struct json_writer *json, const struct sources_stats *sources)
{
	json_open(json, "sources", "{");
	json_number(json, "known", sources->known);
	json_number(json, "live", sources->live);
	json_number(json, "set_aside", sources->set_aside);
	json_number(json, "overflowed", sources->overflowed);
	json_number(json, "evicted", sources->evicted);
	json_number(json, "restarts", sources->restarts);
	json_number(json, "gaps", sources->missing);
	json_close(json, "}");
}

static void put_rings(struct json_writer *json, const struct engine *engine)
{
	json_open(json, "rings", "[");
	for (__u32 w = 0; w < engine->worker_count; w++) {
		for (__u32 i = 0; i < engine->worker[w].ring_count; i++) {
			const struct worker_ring *ring = &engine->worker[w].ring[i];

			json_open(json, NULL, "{");
			json_number(json, "cpu", ring->cpu);
			json_number(json, "worker", w);
			json_number(json, "bytes", ring->reader.ring_bytes);
			json_number(json, "waiting_bytes", worker_ring_waiting_bytes(ring));
			json_number(json, "consumed_bytes",
				    __atomic_load_n(ring->reader.consumer, __ATOMIC_RELAXED));
			json_close(json, "}");
		}
	}
	json_close(json, "]");
}

static void put_results(struct json_writer *json, const struct results_log_stats *stats)
{
	json_open(json, "results_log", "{");
	json_number(json, "durable_lsn", stats->durable_lsn);
	json_number(json, "segments", stats->segments);
	json_number(json, "segment_bytes", stats->segment_bytes);
	json_number(json, "rows", stats->rows);
	json_number(json, "records", stats->records);
	json_number(json, "batches", stats->batches);
	json_number(json, "bytes", stats->bytes);
	json_number(json, "waiting_bytes", stats->waiting_bytes);
	json_number(json, "buffers_free", stats->buffers_free);
	json_number(json, "reserve_failures", stats->reserve_failures);
	json_number(json, "commit_ns_max", stats->commit_ns_max);
	json_number(json, "segments_removed", stats->segments_removed);
	json_number(json, "retention_failures", stats->retention_failures);
	json_signed(json, "retention_error", stats->retention_error);
	json_flag(json, "out_of_space", stats->is_out_of_space);
	json_signed(json, "error", stats->error);
	json_close(json, "}");
}

static void put_times(struct json_writer *json, const struct report *report)
{
	const struct turn_times_sum *turns = &report->turns;
	const struct tick *tick = &report->engine->tick;

	json_open(json, "turns", "{");
	json_number(json, "count", turns->turns);
	json_number(json, "longest_ns", turns->longest_ns);
	json_number(json, "longest_cpu_ns", turns->longest_cpu_ns);
	json_open(json, "histogram", "[");
	for (unsigned int i = 0; i < TURN_TIMES_BUCKETS; i++) {
		json_open(json, NULL, "{");
		if (turn_times_bound_ns(i))
			json_number(json, "below_ns", turn_times_bound_ns(i));
		json_number(json, "turns", turns->bucket[i]);
		json_close(json, "}");
	}
	json_close(json, "]");
	json_close(json, "}");
	json_open(json, "ticks", "{");
	json_number(json, "count", tick->ticks);
	json_number(json, "delayed", tick->delayed);
	json_number(json, "longest_ns", tick->longest_ns);
	json_close(json, "}");
}

static void put_types(struct json_writer *json, const struct engine *engine)
{
	struct sluice_types *types = malloc(sizeof(*types));

	json_open(json, "types", "[");
	if (types && bpf_loader_read_types(engine->loader, types) == 0) {
		for (__u64 i = 0; i < SLUICE_TYPE_COUNTERS; i++) {
			if (!types->type[i].seen)
				continue;
			json_open(json, NULL, "{");
			json_number(json, "type", i);
			json_number(json, "seen", types->type[i].seen);
			json_number(json, "dropped", types->type[i].dropped);
			json_close(json, "}");
		}
	}
	json_close(json, "]");
	free(types);
}

static void put_answer(struct json_writer *json, const struct report *report)
{
	struct report_problems problems;
	char answer[REPORT_PROBLEMS_MAX * REPORT_PROBLEM_BYTES];
	struct text text;

	report_find_problems(report, &problems);
	text_init(&text, answer, sizeof(answer));
	report_write_answer(report, &problems, &text);
	json_text(json, "answer", answer);
	json_open(json, "problems", "[");
	for (__u32 i = 0; i < problems.count; i++)
		json_text(json, NULL, problems.text[i]);
	json_close(json, "]");
	json_open(json, "lost_last_minute", "{");
#define RECENT_FIELD(name, unit) json_number(json, #name, report->lost.name);
	RECENT_LOSSES(RECENT_FIELD)
#undef RECENT_FIELD
	json_close(json, "}");
}

void report_write_json(const struct report *report, struct text *out)
{
	struct json_writer json = { .out = out };

	json_open(&json, NULL, "{");
	put_answer(&json, report);
	put_agent(&json, report);
	put_clock(&json, report);
	put_kernel(&json, report);
	put_handover(&json, report);
	put_stream(&json, report);
	json_open(&json, "windows", "[");
	for (__u32 w = 0; w < report->engine->config->window_count; w++)
		put_window(&json, report, w);
	json_close(&json, "]");
	put_sources(&json, &report->sources);
	put_rings(&json, report->engine);
	put_results(&json, &report->results);
	put_times(&json, report);
	put_types(&json, report->engine);
	json_number(&json, "unaccounted", report->unaccounted);
	json_close(&json, "}");
	text_add(out, "\n");
}
