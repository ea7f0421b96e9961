/* SPDX-License-Identifier: BSD-2-Clause */
/* Captured frames, one after the other: read, send, add to the truth. What cannot be sent is
 * counted. */
#include "replay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "pcap.h"

#define TRIES_MAX 2000
#define TRY_AGAIN_NS 500000

struct replay {
	const struct options *options;
	struct run *run;
	struct truth *truth;
	struct pcap_reader reader;
	FILE *file;
	__u8 *frame;
	int fd; /* −1: nothing is sent, only the truth is told */
};

static int open_packet_socket(const char *interface)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), yes = 1;

	if (fd < 0)
		return -errno;
	address.sll_ifindex = (int)if_nametoindex(interface);
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof(yes));
	if (!address.sll_ifindex || bind(fd, (struct sockaddr *)&address, sizeof(address))) {
		int error = errno;

		close(fd);
		return -error;
	}
	return fd;
}

static int open_udp_socket(const struct frame_address *to)
{
	struct sockaddr_in to4 = { .sin_family = AF_INET, .sin_port = htons(to->to_port) };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_port = htons(to->to_port) };
	int fd = socket(to->is_v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	memcpy(&to4.sin_addr, to->to, 4);
	memcpy(&to6.sin6_addr, to->to, 16);
	if (to->is_v6 ? connect(fd, (struct sockaddr *)&to6, sizeof(to6))
		      : connect(fd, (struct sockaddr *)&to4, sizeof(to4))) {
		int error = errno;

		close(fd);
		return -error;
	}
	return fd;
}

static int replay_open(struct replay *replay)
{
	const struct options *options = replay->options;

	replay->frame = malloc(PCAP_FRAME_BYTES_MAX);
	if (!replay->frame)
		return -ENOMEM;
	replay->file = fopen(options->from_pcap, "re");
	if (!replay->file)
		return -errno;
	if (pcap_read_head(&replay->reader, replay->file))
		return -EINVAL;
	if (options->target == OPTIONS_LIVE)
		replay->fd = open_packet_socket(options->interface);
	else if (options->target == OPTIONS_SOCKET)
		replay->fd = open_udp_socket(&options->shape.address);
	return replay->fd < -1 ? replay->fd : 0;
}

static void replay_close(struct replay *replay)
{
	if (replay->fd >= 0)
		close(replay->fd);
	if (replay->file)
		fclose(replay->file);
	free(replay->frame);
}

/* 1 sent, 0 given up, -errno. */
static int send_bytes(struct replay *replay, const __u8 *bytes, size_t count)
{
	struct timespec pause = { .tv_nsec = TRY_AGAIN_NS };

	for (int tries = 0; replay->fd >= 0 && send(replay->fd, bytes, count, 0) < 0;) {
		if (errno == ECONNREFUSED) {
			replay->run->bounces++;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != ENOBUFS && errno != EAGAIN)
			return -errno;
		replay->run->retries++;
		if (++tries == TRIES_MAX)
			return 0;
		nanosleep(&pause, NULL);
	}
	return 1;
}

static void wait_until_due(const struct replay *replay, __u64 started_ns)
{
	__u64 due_ns;

	if (!replay->options->rate)
		return;
	due_ns = started_ns + (__u64)((unsigned __int128)replay->run->frames * 1000000000u /
				      replay->options->rate);
	while (run_clock_ns() < due_ns && !run_is_stopped()) {
		__u64 left_ns = due_ns - run_clock_ns();
		struct timespec pause = { .tv_nsec =
						  left_ns < 10000000 ? (long)left_ns : 10000000 };

		nanosleep(&pause, NULL);
	}
}

/* A frame that was read: out, and into the truth. */
static int replay_frame(struct replay *replay, size_t frame_bytes)
{
	const __u8 *payload = NULL;
	long bytes = frame_find_payload(replay->frame, frame_bytes, &payload);
	bool is_socket = replay->options->target != OPTIONS_LIVE;
	__u16 event_count = 0;
	int result;

	if (is_socket && bytes < 0)
		return 0; /* nothing that a UDP socket could send */
	if (!is_socket && !replay->options->is_bounded &&
	    !frame_stays_private(replay->frame, frame_bytes))
		return -EDESTADDRREQ;
	if (bytes >= (long)sizeof(struct sluice_header))
		memcpy(&event_count, payload + offsetof(struct sluice_header, event_count),
		       sizeof(event_count));
	result = is_socket ? send_bytes(replay, payload, (size_t)bytes)
			   : send_bytes(replay, replay->frame, frame_bytes);
	if (result < 0)
		return result;
	replay->run->state.kind[PLAN_NORMAL].datagrams++;
	replay->run->state.kind[PLAN_NORMAL].events += event_count;
	if (result == 0) {
		replay->run->unsent_events += event_count;
		return run_add_gap(replay->run, replay->run->frames++, 1);
	}
	replay->run->frames++;
	if (!replay->truth || bytes < 0)
		return 0;
	result = truth_add(replay->truth, payload, (size_t)bytes);
	return result < 0 ? result : 0;
}

static int refuse_public(const struct run *run, const struct options *options)
{
	return command_error(EX_USAGE, "add --rate, and --duration or --datagrams",
			     "frame %llu of %s goes to a public address, or to none that can be "
			     "told: no flood without bounds",
			     (unsigned long long)run->frames + 1, options->from_pcap);
}

int replay_pcap(struct run *run, const struct options *options, struct truth *truth)
{
	struct replay replay = { .options = options, .run = run, .truth = truth, .fd = -1 };
	int error = replay_open(&replay);
	__u64 started_ns = run_clock_ns(), time_ns;
	long bytes = 0;

	while (!error && !run_is_stopped() && run->frames < options->plan.original_count) {
		bytes = pcap_read_frame(&replay.reader, &time_ns, replay.frame);
		if (bytes <= 0)
			break;
		wait_until_due(&replay, started_ns);
		error = replay_frame(&replay, (size_t)bytes);
	}
	if (!error && bytes < 0)
		error = -EINVAL;
	run->is_interrupted = run_is_stopped();
	run->elapsed_ns = run_clock_ns() - started_ns;
	replay_close(&replay);
	if (error == -EDESTADDRREQ)
		return refuse_public(run, options);
	return error ? command_error(command_exit_code(error),
				     error == -EINVAL
					     ? "it must be a whole capture of Ethernet frames"
					     : NULL,
				     "cannot send %s: %s", options->from_pcap, strerror(-error))
		     : 0;
}
