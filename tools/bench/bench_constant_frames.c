/* SPDX-License-Identifier: BSD-2-Clause */
/* bench_constant_frames INTERFACE EVENTS SECONDS: live frames out of the interface as fast as the
 * kernel makes them, all the same and none of them written: what no generator of live frames can
 * exceed, to divide sluice-gen's rate by. Prints frames per second. */
#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "report.h"
#include "sluice/wire.h"
#include "yardstick.skel.h"

#define PORT_BIG_ENDIAN 0xa523 /* 9125 */
#define PORT_OFFSET 36
#define PAYLOAD_OFFSET 42
#define EVENTS_MAX 44
#define BATCH 64 /* as sluice-gen's */
#define PAUSE_NS 1000000

struct sender {
	struct yardstick_bpf *yardstick;
	__u32 ifindex;
	__u32 frame_bytes;
	volatile bool is_ended;
	int error;
};

static void wake(int number)
{
	(void)number; /* only interrupts the test run */
}

static void pause_shortly(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
}

/* Just what the far end looks at before it drops the frame. */
static void write_frame(__u8 *frame, __u16 events)
{
	struct sluice_header *header = (struct sluice_header *)(frame + PAYLOAD_OFFSET);
	__u16 port = PORT_BIG_ENDIAN;

	memcpy(frame + PORT_OFFSET, &port, sizeof(port));
	memcpy(&header->event_count, &events, sizeof(events));
}

static void *send_frames(void *context)
{
	static __u8 frame[PAYLOAD_OFFSET + sizeof(struct sluice_header) + EVENTS_MAX * 32];
	struct sender *sender = context;
	struct xdp_md where = { .data_end = sender->frame_bytes,
				.ingress_ifindex = sender->ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame,
		    .data_size_in = sender->frame_bytes, .ctx_in = &where,
		    .ctx_size_in = sizeof(where), .repeat = -1,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH);

	write_frame(frame, (__u16)((sender->frame_bytes - PAYLOAD_OFFSET - 40) / 32));
	sender->error = bpf_prog_test_run_opts(
		bpf_program__fd(sender->yardstick->progs.yardstick_send), &options);
	sender->is_ended = true;
	return NULL;
}

/* Frames per second, once it runs. */
static double measure(struct sender *sender, double seconds)
{
	const volatile __u64 *sent = &sender->yardstick->bss->yardstick_sent;
	__u64 start_ns, end_ns, first, last;
	pthread_t thread;

	if (pthread_create(&thread, NULL, send_frames, sender))
		return 0;
	while (!*sent && !sender->is_ended)
		pause_shortly();
	start_ns = report_wall_ns();
	first = *sent;
	do {
		pause_shortly();
		end_ns = report_wall_ns();
		last = *sent;
	} while (!sender->is_ended && (double)(end_ns - start_ns) < seconds * 1e9);
	while (!sender->is_ended) {
		pthread_kill(thread, SIGUSR1);
		pause_shortly();
	}
	pthread_join(thread, NULL);
	return (double)(last - first) / (double)(end_ns - start_ns) * 1e9;
}

int main(int argc, char **argv)
{
	struct sender sender = { 0 };
	unsigned long events = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
	double rate;

	if (!events || events > EVENTS_MAX) {
		fprintf(stderr, "usage: bench_constant_frames INTERFACE EVENTS SECONDS\n");
		return 64;
	}
	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = wake }, NULL);
	sender.ifindex = if_nametoindex(argv[1]);
	sender.frame_bytes = (__u32)(PAYLOAD_OFFSET + sizeof(struct sluice_header) + events * 32);
	sender.yardstick = yardstick_bpf__open_and_load();
	if (!sender.yardstick) {
		perror("bench_constant_frames");
		return 1;
	}
	rate = measure(&sender, strtod(argv[3], NULL));
	yardstick_bpf__destroy(sender.yardstick);
	if (rate <= 0 || (sender.error && sender.error != -EINTR)) {
		fprintf(stderr, "bench_constant_frames: %s\n", strerror(-sender.error));
		return 1;
	}
	printf("%.0f\n", rate);
	return 0;
}
