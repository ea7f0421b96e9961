/* SPDX-License-Identifier: BSD-2-Clause */
/* The steps of a run in their order: options, configuration, templates, sending, truth, report. */
#include "generate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "replay.h"
#include "target.h"

struct generation {
	struct options options;
	struct shape *shape;
	struct config *config;
	struct truth *truth;
	FILE *truth_file;
	struct run run;
};

static const __u8 refusals[PLAN_DAMAGES] = {
	[PLAN_DAMAGE_MAGIC] = TRUTH_REFUSED_MAGIC,
	[PLAN_DAMAGE_VERSION] = TRUTH_REFUSED_VERSION,
	[PLAN_DAMAGE_FLAGS] = TRUTH_REFUSED_FLAGS,
	[PLAN_DAMAGE_EVENT_COUNT] = TRUTH_REFUSED_EVENT_COUNT,
	[PLAN_DAMAGE_EVENT_SIZE] = TRUTH_REFUSED_EVENT_SIZE,
	[PLAN_DAMAGE_LENGTH] = TRUTH_REFUSED_LENGTH,
	[PLAN_DAMAGE_SHORT] = TRUTH_REFUSED_SHORT,
};

static int expected_verdict(const struct plan_datagram *datagram, int verdict)
{
	if (datagram->kind == PLAN_CORRUPT)
		return refusals[datagram->damage];
	return datagram->is_duplicate && verdict == TRUTH_REPEATED ? verdict : TRUTH_TAKEN;
}

int generate_truth(struct truth *truth, const struct run *run, const struct plan *plan,
		   const struct shape *shape)
{
	struct run_walk walk = { .plan = plan, .run = run };
	struct plan_datagram datagram;
	__u8 *payload = malloc(shape->frame_bytes_max);
	int error = payload ? 0 : -ENOMEM;

	while (!error && run_walk_next(&walk, &datagram)) {
		size_t bytes;
		int verdict;

		if (datagram.kind == PLAN_LATE || datagram.kind == PLAN_FUTURE ||
		    datagram.damage == PLAN_DAMAGE_CHECKSUM)
			continue;
		bytes = shape_write_payload(shape, plan, &datagram, payload);
		verdict = truth_add(truth, payload, bytes);
		if (verdict < 0)
			error = verdict;
		else if (verdict != expected_verdict(&datagram, verdict))
			error = -EPROTO;
	}
	free(payload);
	return error;
}

/* Before anything is sent: a run whose truth cannot be written is of no use. */
static int open_truth(struct generation *generation)
{
	const struct options *options = &generation->options;
	int listener, error;

	if (!options->truth)
		return 0;
	error = config_load(&generation->config, options->config, stderr);
	if (error)
		return error == -EINVAL ? EX_CONFIG
					: command_error(EX_NOINPUT, NULL, "cannot read %s: %s",
							options->config, strerror(-error));
	listener = truth_find_listener(generation->config, options->listener,
				       options->shape.address.to_port);
	if (listener < 0)
		return command_error(EX_CONFIG, "name it with --listener",
				     "%s: no single listener %s%s", options->config,
				     options->listener ? "is called " : "has the port of --to",
				     options->listener ? options->listener : "");
	if (truth_open(&generation->truth, generation->config, (unsigned int)listener,
		       options->truth_drops_duplicates))
		return command_error(EX_OSERR, NULL, "no memory");
	generation->truth_file = fopen(options->truth, "we");
	if (!generation->truth_file)
		return command_error(EX_CANTCREAT, NULL, "cannot write %s: %s", options->truth,
				     strerror(errno));
	return 0;
}

static int open_shape(struct generation *generation)
{
	if (generation->options.from_pcap)
		return 0;
	target_fit(&generation->options);
	if (shape_open(&generation->shape, &generation->options.shape))
		return command_error(EX_OSERR, NULL, "no memory for the templates");
	options_finish_plan(&generation->options, generation->shape);
	return 0;
}

/* Without a target: the plan alone, to its end. */
static int plan_only(struct run *run, const struct options *options, const struct shape *shape)
{
	struct plan_datagram datagram;

	while (!run_is_stopped() && plan_next(&options->plan, &run->state, &datagram)) {
		plan_count(&run->state, &datagram, shape_event_count(shape, &datagram));
		run->frames += datagram.kind != PLAN_LOST;
	}
	return 0;
}

static int send_all(struct generation *generation)
{
	const struct options *options = &generation->options;

	run_catch_signals();
	if (options->from_pcap)
		return replay_pcap(&generation->run, options, generation->truth);
	switch (options->target) {
	case OPTIONS_SOCKET:
		return send_socket(&generation->run, options, generation->shape);
	case OPTIONS_LIVE:
		return send_live(&generation->run, options, generation->shape);
	case OPTIONS_PCAP:
		return send_pcap(&generation->run, options, generation->shape);
	default:
		return plan_only(&generation->run, options, generation->shape);
	}
}

static void warn_of_lateness(const struct truth *truth)
{
	const struct truth_stats *stats = truth_stats(truth);

	if (stats->doubtful)
		fprintf(stderr,
			"sluice-gen: warning: %llu times an event came after its window may have "
			"closed (up to %.3f s behind its source): less --disorder, or more "
			"max_disorder in the configuration\n",
			(unsigned long long)stats->doubtful, (double)stats->behind_max_ns / 1e9);
}

static int write_truth(struct generation *generation)
{
	int error = 0;

	if (!generation->truth)
		return 0;
	if (!generation->options.from_pcap)
		error = generate_truth(generation->truth, &generation->run,
				       &generation->options.plan, generation->shape);
	if (!error)
		error = truth_write(generation->truth, generation->truth_file);
	if (fclose(generation->truth_file) && !error)
		error = -EIO;
	generation->truth_file = NULL;
	if (error)
		return command_error(EX_IOERR, NULL, "cannot write %s: %s",
				     generation->options.truth, strerror(-error));
	warn_of_lateness(generation->truth);
	return 0;
}

static void generation_close(struct generation *generation)
{
	if (generation->truth_file)
		fclose(generation->truth_file);
	truth_close(generation->truth);
	config_free(generation->config);
	shape_close(generation->shape);
	run_clear(&generation->run);
}

static int generate(const struct command_line *line)
{
	struct generation generation = { 0 };
	struct timespec now;
	int code, sent;

	clock_gettime(CLOCK_REALTIME, &now);
	code = options_read(&generation.options, line,
			    (__u64)now.tv_sec * 1000000000ull + (__u64)now.tv_nsec);
	if (!code)
		code = open_truth(&generation);
	if (!code)
		code = open_shape(&generation);
	if (code) {
		generation_close(&generation);
		return code;
	}
	sent = send_all(&generation);
	if (generation.shape)
		run_count_unsent(&generation.run, &generation.options.plan, generation.shape);
	if (generation.options.is_json)
		run_print_json(&generation.run, &generation.options, stdout);
	else if (!sent || generation.run.frames)
		run_print(&generation.run, &generation.options, stdout);
	fflush(stdout);
	code = sent ? 0 : write_truth(&generation);
	generation_close(&generation);
	return sent ? sent : code;
}

const struct command generate_command = {
	.name = "generate",
	.summary = "Sends seeded event datagrams and knows what must come of them.",
	.common = COMMAND_CONFIG | COMMAND_JSON,
	.options = options_table,
	.details =
		"Shares (P) are 0.01 or 1%. Exact counts of every kind are printed at the end.\n"
		"Without --datagrams or --duration it sends until it is interrupted.\n"
		"`sluice-gen verify --help` explains how results are compared with the truth.\n",
	.examples =
		"sluice-gen --to 127.0.0.1:9125 --rate 50k/s --duration 10s --disorder 500ms\n"
		"sluice-gen --interface veth0 --to-mac 02:00:00:00:00:02 --to 10.0.0.2:9125\n"
		"sluice-gen --to 10.0.0.2:9125 --datagrams 9999 --truth t.json -c a.yaml\n",
	.run = generate,
};
