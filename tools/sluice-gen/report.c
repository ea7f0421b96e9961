/* SPDX-License-Identifier: BSD-2-Clause */
/* The counts of a run, for people and as JSON: one table of lines for both. */
#include "base/units.h"
#include "run.h"
#include "time_text.h"

static const struct {
	const char *name; /* in JSON */
	const char *text;
} kinds[PLAN_KINDS] = {
	[PLAN_NORMAL] = { "normal", "as they should be" },
	[PLAN_LOST] = { "lost", "not sent, sequence number used" },
	[PLAN_CORRUPT] = { "corrupt", "damaged, must be refused" },
	[PLAN_LATE] = { "late", "too late" },
	[PLAN_FUTURE] = { "future", "too far ahead" },
};

/* Names of the ledger's reasons. */
static const char *const damages[PLAN_DAMAGES] = {
	[PLAN_DAMAGE_MAGIC] = "refused_magic",
	[PLAN_DAMAGE_VERSION] = "refused_version",
	[PLAN_DAMAGE_FLAGS] = "refused_flags",
	[PLAN_DAMAGE_EVENT_COUNT] = "refused_event_count",
	[PLAN_DAMAGE_EVENT_SIZE] = "refused_event_size",
	[PLAN_DAMAGE_LENGTH] = "refused_length",
	[PLAN_DAMAGE_SHORT] = "refused_short",
	[PLAN_DAMAGE_CHECKSUM] = "refused_checksum",
};

static const char *verb_of(const struct options *options)
{
	switch (options->target) {
	case OPTIONS_PCAP:
		return "wrote";
	case OPTIONS_NOTHING:
		return "planned";
	default:
		return "sent";
	}
}

static __u64 sent_events(const struct run *run)
{
	__u64 events = run->state.duplicate.events;

	for (int i = 0; i < PLAN_KINDS; i++)
		events += i == PLAN_LOST ? 0 : run->state.kind[i].events;
	return events - run->unsent_events;
}

static double per_second(const struct run *run, __u64 count)
{
	return run->elapsed_ns ? (double)count / ((double)run->elapsed_ns / 1e9) : 0;
}

static void print_count(FILE *out, const struct plan_count *count, const char *text)
{
	if (count->datagrams)
		fprintf(out, "  %14llu datagrams %16llu events  %s\n",
			(unsigned long long)count->datagrams, (unsigned long long)count->events,
			text);
}

static void print_damages(const struct run *run, FILE *out)
{
	for (int i = 0; i < PLAN_DAMAGES; i++)
		if (run->state.damage[i])
			fprintf(out, "    %12llu %s\n", (unsigned long long)run->state.damage[i],
				damages[i]);
}

void run_print(const struct run *run, const struct options *options, FILE *out)
{
	char about[2][UNITS_BYTES_MAX], start[TIME_TEXT_BYTES];
	struct plan_count unsent = { run->unsent, run->unsent_events };
	__u64 datagrams = run->frames - run->unsent, events = sent_events(run);

	fprintf(out, "%s %llu datagrams, %llu events in %.3f s", verb_of(options),
		(unsigned long long)datagrams, (unsigned long long)events,
		(double)run->elapsed_ns / 1e9);
	if (options->target != OPTIONS_NOTHING)
		fprintf(out, ": %s datagrams/s, %s events/s",
			units_format_number_about(about[0], (__u64)per_second(run, datagrams)),
			units_format_number_about(about[1], (__u64)per_second(run, events)));
	fprintf(out, "%s\n", run->is_interrupted ? " (interrupted)" : "");
	for (int i = 0; i < PLAN_KINDS; i++) {
		print_count(out, &run->state.kind[i], kinds[i].text);
		if (i == PLAN_CORRUPT)
			print_damages(run, out);
	}
	print_count(out, &run->state.duplicate, "retransmissions");
	if (run->taught.datagrams)
		fprintf(out, "  %14llu datagrams %16llu names   taught\n",
			(unsigned long long)run->taught.datagrams,
			(unsigned long long)run->taught.events);
	print_count(out, &unsent, "of all these not sent: the kernel had no room");
	if (run->bounces)
		fprintf(out, "  %14llu answers that nobody listens there\n",
			(unsigned long long)run->bounces);
	if (!options->from_pcap)
		fprintf(out, "  seed %llu, start time %s\n", (unsigned long long)options->plan.seed,
			time_text_format(start, (__s64)options->plan.start_ns));
}

static void print_json_count(FILE *out, const char *name, const struct plan_count *count)
{
	fprintf(out, ",\"%s\":{\"datagrams\":%llu,\"events\":%llu}", name,
		(unsigned long long)count->datagrams, (unsigned long long)count->events);
}

void run_print_json(const struct run *run, const struct options *options, FILE *out)
{
	char start[TIME_TEXT_BYTES];
	struct plan_count sent = { run->frames - run->unsent, sent_events(run) };
	struct plan_count unsent = { run->unsent, run->unsent_events };

	fprintf(out, "{\"seed\":%llu,\"start_time\":\"%s\",\"seconds\":%.6f,\"interrupted\":%s",
		(unsigned long long)options->plan.seed,
		time_text_format(start, (__s64)options->plan.start_ns),
		(double)run->elapsed_ns / 1e9, run->is_interrupted ? "true" : "false");
	fprintf(out, ",\"datagrams_per_second\":%.1f,\"events_per_second\":%.1f",
		per_second(run, sent.datagrams), per_second(run, sent.events));
	print_json_count(out, "sent", &sent);
	for (int i = 0; i < PLAN_KINDS; i++)
		print_json_count(out, kinds[i].name, &run->state.kind[i]);
	print_json_count(out, "duplicates", &run->state.duplicate);
	print_json_count(out, "unsent", &unsent);
	fprintf(out, ",\"taught\":{\"datagrams\":%llu,\"names\":%llu}",
		(unsigned long long)run->taught.datagrams, (unsigned long long)run->taught.events);
	fprintf(out, ",\"refused\":{");
	for (int i = 0; i < PLAN_DAMAGES; i++)
		fprintf(out, "%s\"%s\":%llu", i ? "," : "", damages[i],
			(unsigned long long)run->state.damage[i]);
	fprintf(out, "},\"retries\":%llu,\"bounces\":%llu}\n", (unsigned long long)run->retries,
		(unsigned long long)run->bounces);
}
