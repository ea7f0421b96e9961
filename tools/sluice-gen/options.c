/* SPDX-License-Identifier: BSD-2-Clause */
/* From the texts of the command line to a shape and a plan; every mistake is named with its fix. */
#include "options.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "sluice/limits.h"
#include "target.h"
#include "teach.h"
#include "time_text.h"

#define NS_PER_S 1000000000ull
/* Event time runs at these rates when no rate is given: never ahead of the clock, or it would be
 * `future`. */
#define NOMINAL_LIVE_RATE 8000000
#define NOMINAL_SOCKET_RATE 2000000
#define DUPLICATE_REACH_MAX 32
#define DUPLICATE_REACH_NS 50000000ull
#define BATCH_MAX 256
#define SEGMENTS_MAX 64 /* the kernel's own limit, UDP_MAX_SEGMENTS */

struct reader {
	const struct command_line *line;
	struct options *options;
	__u64 datagrams; /* 0: not given */
	__s64 disorder_ns;
	__s64 time_step_ns;
	int exit_code; /* of the first mistake */
};

static const char *text_of(struct reader *reader, const char *name)
{
	return command_option_text(reader->line, name);
}

static void wrong(struct reader *reader, const char *name, const char *fix)
{
	if (!reader->exit_code)
		reader->exit_code =
			command_error(EX_USAGE, fix, "--%s: '%s' makes no sense here", name,
				      text_of(reader, name) ? text_of(reader, name) : "");
}

static __u64 number_of(struct reader *reader, const char *name, __u64 min, __u64 max)
{
	char fix[96];
	__u64 number = min;
	int result = command_option_number(reader->line, name, &number);

	if (result < 0)
		reader->exit_code = EX_USAGE;
	if (result > 0 && (number < min || number > max)) {
		snprintf(fix, sizeof(fix), "give a number from %llu to %llu",
			 (unsigned long long)min, (unsigned long long)max);
		wrong(reader, name, fix);
	}
	return number;
}

static __s64 duration_of(struct reader *reader, const char *name)
{
	__s64 duration_ns = 0;

	if (command_option_duration(reader->line, name, &duration_ns) < 0)
		reader->exit_code = EX_USAGE;
	return duration_ns;
}

/* "0.01" or "1%", in units of 2^−32. */
static __u64 share_of(struct reader *reader, const char *name)
{
	char *end;
	double share = strtod(text_of(reader, name), &end);

	if (*end == '%') {
		share /= 100;
		end++;
	}
	if (*end || end == text_of(reader, name) || !(share >= 0 && share <= 1)) {
		wrong(reader, name, "give a share from 0 to 1, as 0.01 or 1%");
		return 0;
	}
	return (__u64)(share * (double)PLAN_CERTAIN + 0.5);
}

static void read_events(struct reader *reader)
{
	struct shape_options *shape = &reader->options->shape;
	const char *text = text_of(reader, "events");
	unsigned int least = 0, most = 0;
	int end = 0;
	bool is_one = sscanf(text, "%5u%n", &least, &end) == 1 && !text[end];

	if (is_one)
		most = least;
	else if (sscanf(text, "%5u-%5u%n", &least, &most, &end) != 2 || text[end])
		least = 0;
	if (least < 1 || most < least || most > SLUICE_EVENTS_MAX)
		wrong(reader, "events", "give a number as 44 or a range as 1-44, at most 2045");
	reader->options->fits_mtu = !command_option_given(reader->line, "events");
	shape->events_min = least;
	shape->events_max = most;
	shape->event_size = (__u16)number_of(reader, "event-size", SLUICE_EVENT_SIZE_MIN,
					     SLUICE_EVENT_SIZE_MAX);
	if (shape->event_size % 8)
		wrong(reader, "event-size", "give a multiple of 8");
	if (sizeof(struct sluice_header) + (size_t)most * shape->event_size > SLUICE_PAYLOAD_MAX)
		wrong(reader, "events", "this is more than a UDP datagram of 65507 bytes can hold");
}

static void read_values(struct reader *reader)
{
	struct shape_options *shape = &reader->options->shape;
	const char *text = text_of(reader, "values");
	long long least = 0, most = 0;
	int end = 0;

	if (sscanf(text, "%lld..%lld%n", &least, &most, &end) != 2 || text[end] || most < least)
		wrong(reader, "values", "give a range, as -10..1000");
	shape->value_min = least;
	shape->value_max = most;
}

static void read_shape(struct reader *reader)
{
	struct shape_options *shape = &reader->options->shape;
	char *end;

	read_events(reader);
	read_values(reader);
	shape->seed = number_of(reader, "seed", 0, UINT64_MAX);
	shape->key_count = number_of(reader, "keys", 1, SHAPE_KEYS_MAX);
	shape->type_count = (__u32)number_of(reader, "types", 1, UINT16_MAX);
	shape->dim_count = (__u32)number_of(reader, "dims", 1, UINT32_MAX);
	shape->weight_max = (__u32)number_of(reader, "weights", 0, UINT16_MAX);
	shape->zipf = strtod(text_of(reader, "zipf"), &end);
	if (*end || end == text_of(reader, "zipf") || !(shape->zipf >= 0 && shape->zipf <= 10))
		wrong(reader, "zipf", "give an exponent from 0 to 10, as 1.1");
}

static void read_address(struct reader *reader)
{
	static const __u8 v6_from[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 },
			  v4_from[4] = { 192, 0, 2, 1 };
	static const __u8 v4_to[4] = { 192, 0, 2, 2 };
	struct frame_address *address = &reader->options->shape.address;
	const char *to = text_of(reader, "to"), *from = text_of(reader, "from"),
		   *mac = text_of(reader, "to-mac");
	bool from_is_v6;

	address->to_port = to ? 0 : 9125;
	address->from_port = 40000;
	memcpy(address->to, v4_to, sizeof(v4_to));
	if (to && (target_find(to, &address->is_v6, address->to, &address->to_port) ||
		   !address->to_port))
		wrong(reader, "to",
		      "give an address or a name that is known, and a port, as 10.0.0.2:9125, "
		      "[fd00::2]:9125 or localhost:9125");
	memcpy(address->from, address->is_v6 ? v6_from : v4_from, address->is_v6 ? 16 : 4);
	if (from && (frame_parse_address(from, &from_is_v6, address->from, &address->from_port) ||
		     from_is_v6 != address->is_v6))
		wrong(reader, "from", "give an address of the same family as --to");
	memset(address->to_mac, 0xff, 6);
	memcpy(address->from_mac, (__u8[]){ 2, 0, 0, 0, 0, 1 }, 6);
	if (mac && frame_parse_mac(mac, address->to_mac))
		wrong(reader, "to-mac", "give six bytes, as 02:00:00:00:00:02");
}

static void read_target(struct reader *reader)
{
	struct options *options = reader->options;

	options->interface = text_of(reader, "interface");
	options->pcap = text_of(reader, "pcap");
	options->from_pcap = text_of(reader, "from-pcap");
	if (options->pcap)
		options->target = OPTIONS_PCAP;
	else if (options->interface)
		options->target = OPTIONS_LIVE;
	else
		options->target = text_of(reader, "to") ? OPTIONS_SOCKET : OPTIONS_NOTHING;
	if (reader->exit_code)
		return;
	if (options->target == OPTIONS_NOTHING && !text_of(reader, "truth"))
		reader->exit_code = command_error(
			EX_USAGE,
			"give --to HOST:PORT, --interface IF, --pcap FILE or --truth FILE",
			"nowhere to send to");
	if (options->interface && options->pcap)
		reader->exit_code =
			command_error(EX_USAGE, "give one of them", "both --interface and --pcap");
	if (options->target == OPTIONS_LIVE && !text_of(reader, "to-mac") && !options->from_pcap)
		reader->exit_code = command_error(
			EX_USAGE, "give the address of the far end (ip link), or ff:ff:ff:ff:ff:ff",
			"--interface without --to-mac");
}

/* A flood belongs on a network of one's own: to a public address only at a rate and with an end.
 * Where the frames of a capture go, only they know. */
static void check_flood(struct reader *reader)
{
	struct options *options = reader->options;
	bool is_sent = options->target == OPTIONS_SOCKET || options->target == OPTIONS_LIVE;

	options->is_bounded = options->rate && options->plan.original_count != UINT64_MAX;
	if (reader->exit_code || !is_sent || options->is_bounded ||
	    (options->from_pcap && options->target == OPTIONS_LIVE) ||
	    frame_is_private(&options->shape.address))
		return;
	reader->exit_code = command_error(EX_USAGE, "add --rate, and --duration or --datagrams",
					  "--to %s is a public address: no flood without bounds",
					  text_of(reader, "to"));
}

static void read_names(struct reader *reader)
{
	struct options *options = reader->options;

	options->names = text_of(reader, "names");
	if (!options->names || reader->exit_code)
		return;
	if (options->target != OPTIONS_SOCKET || options->from_pcap)
		reader->exit_code = command_error(
			EX_USAGE, "leave out --interface, --pcap and --from-pcap",
			"--names needs a socket to send from");
	else if (!options->names[0] || strlen(options->names) > TEACH_PREFIX_MAX)
		wrong(reader, "names", "give 1 to 16 bytes that names start with");
}

static void read_truth(struct reader *reader)
{
	struct options *options = reader->options;

	options->truth = text_of(reader, "truth");
	options->config = text_of(reader, "config");
	options->listener = text_of(reader, "listener");
	options->truth_drops_duplicates = !strcmp(text_of(reader, "truth-duplicates"), "drop");
	if (options->truth && !options->config && !reader->exit_code)
		reader->exit_code =
			command_error(EX_USAGE, "add -c FILE, the agent's configuration",
				      "--truth needs to know the windows");
}

static __u64 start_of(struct reader *reader, __u64 now_ns)
{
	const char *text = text_of(reader, "start-time");
	__s64 start_ns = (__s64)now_ns;

	if (text && (time_text_parse(text, strlen(text), &start_ns) || start_ns < 0))
		wrong(reader, "start-time", "give a time in UTC, as 2026-01-01T00:00:00Z");
	return (__u64)start_ns;
}

/* How many originals: as asked, or as many as the rate makes in the duration; none in no time. */
static __u64 originals_of(struct reader *reader)
{
	struct options *options = reader->options;
	__u64 count = UINT64_MAX;

	if (command_option_given(reader->line, "duration") && !options->duration_ns)
		return 0;
	if (command_option_given(reader->line, "datagrams"))
		count = number_of(reader, "datagrams", 1, UINT64_MAX >> 20);
	if (options->duration_ns && options->rate) {
		unsigned __int128 made =
			(unsigned __int128)options->rate * (__u64)options->duration_ns / NS_PER_S;

		if (made < count)
			count = (__u64)made;
	}
	if (count == UINT64_MAX && options->target != OPTIONS_SOCKET &&
	    options->target != OPTIONS_LIVE && !options->from_pcap && !reader->exit_code)
		reader->exit_code =
			command_error(EX_USAGE, "give --datagrams N, or --rate and --duration",
				      "no end to what is to be written");
	return count;
}

static void read_times(struct reader *reader, __u64 now_ns)
{
	struct options *options = reader->options;
	struct plan *plan = &options->plan;
	__u64 pace = options->target == OPTIONS_LIVE ? NOMINAL_LIVE_RATE : NOMINAL_SOCKET_RATE;
	__u64 disorder_ns = (__u64)duration_of(reader, "disorder"),
	      step_ns = (__u64)duration_of(reader, "time-step");

	if (command_option_rate(reader->line, "rate", &options->rate) < 0)
		reader->exit_code = EX_USAGE;
	options->duration_ns = duration_of(reader, "duration");
	if (options->rate)
		pace = options->rate;
	plan->start_ns = start_of(reader, now_ns);
	plan->step_256 = command_option_given(reader->line, "time-step") ? step_ns << 8
									 : (NS_PER_S << 8) / pace;
	options->shape.is_ordered = disorder_ns == 0;
	options->shape.spread_ns = disorder_ns ? disorder_ns / 2 : plan->step_256 >> 8;
	if (options->shape.spread_ns > UINT32_MAX * 1000ull)
		wrong(reader, disorder_ns ? "disorder" : "time-step", "at most one hour");
	plan->jitter_1024 = (disorder_ns - disorder_ns / 2) >> 10;
	plan->original_count = originals_of(reader);
	plan->late_ns = (__u64)duration_of(reader, "late-by");
	plan->future_ns = (__u64)duration_of(reader, "future-by");
	if (plan->start_ns < plan->late_ns + disorder_ns)
		wrong(reader, "start-time", "give a later time: late events would lie before 1970");
}

static void read_faults(struct reader *reader)
{
	struct plan *plan = &reader->options->plan;
	__u64 step_256 = plan->step_256 ? plan->step_256 : 1,
	      reach = (DUPLICATE_REACH_NS << 8) / step_256;

	plan->lost_below = share_of(reader, "loss");
	plan->corrupt_below = plan->lost_below + share_of(reader, "corrupt");
	plan->late_below = plan->corrupt_below + share_of(reader, "late");
	plan->future_below = plan->late_below + share_of(reader, "future");
	plan->duplicate_below = share_of(reader, "duplicates");
	if (plan->future_below > PLAN_CERTAIN)
		wrong(reader, "loss",
		      "the shares of loss, corrupt, late and future add up to more than 1");
	if (plan->duplicate_below > PLAN_CERTAIN / 2)
		wrong(reader, "duplicates", "at most 0.5");
	plan->duplicate_reach = reach < 1		      ? 1
				: reach > DUPLICATE_REACH_MAX ? DUPLICATE_REACH_MAX
							      : reach;
	/* Nothing is late before there is a watermark: a second of ordinary datagrams comes
	 * first. */
	plan->warm_up = (NS_PER_S << 8) / step_256;
	if (plan->warm_up < plan->source_count)
		plan->warm_up = plan->source_count;
	if (plan->future_below > plan->corrupt_below && plan->warm_up >= plan->original_count)
		fprintf(stderr,
			"sluice-gen: warning: no late or future datagrams in so short a run: they "
			"begin after %llu\n",
			(unsigned long long)plan->warm_up);
}

static void read_plan(struct reader *reader, __u64 now_ns)
{
	struct plan *plan = &reader->options->plan;

	plan->seed = reader->options->shape.seed;
	plan->source_count = number_of(reader, "sources", 1, UINT32_MAX);
	plan->source_first = number_of(reader, "first-source", 0, UINT64_MAX - UINT32_MAX);
	plan->tenant_count = (__u32)number_of(reader, "tenants", 1, UINT16_MAX + 1);
	plan->event_size = reader->options->shape.event_size;
	plan->has_checksums = reader->options->target == OPTIONS_LIVE ||
			      reader->options->target == OPTIONS_PCAP;
	read_times(reader, now_ns);
	read_faults(reader);
	plan->epoch = (__u32)(plan->start_ns / NS_PER_S);
	if (command_option_given(reader->line, "epoch"))
		plan->epoch = (__u32)number_of(reader, "epoch", 0, UINT32_MAX);
}

int options_read(struct options *options, const struct command_line *line, __u64 now_ns)
{
	struct reader reader = { .line = line, .options = options };

	memset(options, 0, sizeof(*options));
	options->is_json = command_option_given(line, "json");
	options->batch = (__u32)number_of(&reader, "batch", 1, BATCH_MAX);
	options->segments = (__u32)number_of(&reader, "segments", 1, SEGMENTS_MAX);
	read_address(&reader);
	read_shape(&reader);
	read_target(&reader);
	read_names(&reader);
	read_truth(&reader);
	read_plan(&reader, now_ns);
	check_flood(&reader);
	return reader.exit_code;
}

void options_finish_plan(struct options *options, const struct shape *shape)
{
	struct plan *plan = &options->plan;

	plan->template_mask = shape->template_count - 1;
	plan->key_bias = shape->key_bias;
	/* A run of templates is sent 4 times, of large ones 16 times, each time with other keys:
	 * only the first time they must be copied. */
	plan->run_shift = shape->frame_bytes_max <= 256 ? 8 : 10;
}
