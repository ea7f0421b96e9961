/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames into a capture file: classic pcap with nanoseconds, Ethernet, times as planned. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pcap.h"
#include "run.h"

#define BUFFER_BYTES (1u << 20)

static int write_frames(struct run *run, const struct options *options, const struct shape *shape,
			FILE *file, __u8 *frame)
{
	struct plan_datagram datagram;
	int error = pcap_write_head(file);

	while (!error && !run_is_stopped() && plan_next(&options->plan, &run->state, &datagram)) {
		size_t payload_bytes, bytes;

		plan_count(&run->state, &datagram, shape_event_count(shape, &datagram));
		if (datagram.kind == PLAN_LOST)
			continue;
		bytes = shape_write_frame(shape, &options->plan, &datagram, frame, &payload_bytes);
		error = pcap_write_frame(file, plan_time_of(&options->plan, run->state.original),
					 frame, bytes);
		run->frames++;
	}
	run->is_interrupted = run_is_stopped();
	return error;
}

int send_pcap(struct run *run, const struct options *options, const struct shape *shape)
{
	__u64 started_ns = run_clock_ns();
	__u8 *frame = malloc(shape->frame_bytes_max);
	FILE *file = frame ? fopen(options->pcap, "we") : NULL;
	int error = frame ? 0 : -ENOMEM;

	if (!error && !file)
		error = -errno;
	if (!error) {
		setvbuf(file, NULL, _IOFBF, BUFFER_BYTES);
		error = write_frames(run, options, shape, file, frame);
	}
	if (file && fclose(file) && !error)
		error = -errno;
	free(frame);
	run->elapsed_ns = run_clock_ns() - started_ns;
	return error ? command_error(EX_CANTCREAT, NULL, "cannot write %s: %s", options->pcap,
				     strerror(-error))
		     : 0;
}
