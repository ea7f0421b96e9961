/* SPDX-License-Identifier: BSD-2-Clause */
/* Datagrams through a UDP socket: batches by sendmmsg, and runs of equal length as one message
 * that the kernel cuts up (UDP_SEGMENT). What the kernel refuses in the end becomes a gap, never
 * a guess. */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "run.h"
#include "sluice/limits.h"
#include "teach.h"

#define BATCH_BYTES (256u << 10)
#define DATAGRAMS_MAX 256
#define SEGMENTED_BYTES_MAX 65000
#define TRIES_MAX 2000 /* of a full socket, half a millisecond apart */
#define TRY_AGAIN_NS 500000
#define SEND_BUFFER_BYTES (4 << 20)
#define PACE_NS 1000000 /* a paced sender sleeps this long at most */

struct sender {
	int fd;
	bool can_segment;
	size_t segment_bytes_max; /* what the path's MTU allows */
	__u32 batch;
	__u32 segments; /* at most so many datagrams in one message */
	__u8 *buffer;
	size_t buffer_bytes;
	__u32 count; /* datagrams in the buffer */
	size_t offset[DATAGRAMS_MAX];
	size_t bytes[DATAGRAMS_MAX];
	struct run *run;
	__u64 taught; /* sequence number of the next dictionary datagram */
	__u64 teach_ns; /* when */
};

struct message_set {
	struct mmsghdr message[DATAGRAMS_MAX];
	struct iovec vector[DATAGRAMS_MAX];
	__u32 datagrams[DATAGRAMS_MAX];
	char control[DATAGRAMS_MAX][CMSG_SPACE(sizeof(__u16))];
	unsigned int count;
};

static int sender_open(struct sender *sender, const struct options *options, struct run *run)
{
	const struct frame_address *address = &options->shape.address;
	struct sockaddr_in to4 = { .sin_family = AF_INET, .sin_port = htons(address->to_port) };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_port = htons(address->to_port) };
	int size = SEND_BUFFER_BYTES, mtu = 1280,
	    level = address->is_v6 ? IPPROTO_IPV6 : IPPROTO_IP;
	socklen_t mtu_bytes = sizeof(mtu);
	int error;

	*sender = (struct sender){ .fd = -1, .run = run, .batch = options->batch,
				   .segments = options->segments };
	memcpy(&to4.sin_addr, address->to, 4);
	memcpy(&to6.sin6_addr, address->to, 16);
	sender->buffer = malloc(BATCH_BYTES + SLUICE_PAYLOAD_MAX);
	if (!sender->buffer)
		return -ENOMEM;
	sender->fd = socket(address->is_v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sender->fd < 0)
		return -errno;
	setsockopt(sender->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	error = address->is_v6 ? connect(sender->fd, (struct sockaddr *)&to6, sizeof(to6))
			       : connect(sender->fd, (struct sockaddr *)&to4, sizeof(to4));
	if (error)
		return -errno;
	getsockopt(sender->fd, level, address->is_v6 ? IPV6_MTU : IP_MTU, &mtu, &mtu_bytes);
	sender->segment_bytes_max = mtu > 48 ? (size_t)mtu - 48 : 0;
	sender->can_segment = true;
	return 0;
}

static void sender_close(struct sender *sender)
{
	if (sender->fd >= 0)
		close(sender->fd);
	free(sender->buffer);
}

/* How many datagrams from `first` fit one message: equal lengths, the last may be shorter. */
static __u32 segments_from(const struct sender *sender, __u32 first)
{
	size_t length = sender->bytes[first], total = length;
	__u32 count = 1;

	if (!sender->can_segment || length > sender->segment_bytes_max)
		return 1;
	while (first + count < sender->count && count < sender->segments &&
	       sender->bytes[first + count] <= length &&
	       total + sender->bytes[first + count] <= SEGMENTED_BYTES_MAX) {
		total += sender->bytes[first + count++];
		if (sender->bytes[first + count - 1] < length)
			break;
	}
	return count;
}

static void add_segment_size(struct message_set *set, unsigned int index, size_t length)
{
	struct msghdr *header = &set->message[index].msg_hdr;
	__u16 segment = (__u16)length;
	struct cmsghdr *control;

	header->msg_control = set->control[index];
	header->msg_controllen = sizeof(set->control[index]);
	control = CMSG_FIRSTHDR(header);
	control->cmsg_level = SOL_UDP;
	control->cmsg_type = UDP_SEGMENT;
	control->cmsg_len = CMSG_LEN(sizeof(segment));
	memcpy(CMSG_DATA(control), &segment, sizeof(segment));
}

static void build_messages(const struct sender *sender, __u32 first, struct message_set *set)
{
	set->count = 0;
	while (first < sender->count) {
		unsigned int i = set->count++;
		__u32 segments = segments_from(sender, first);
		size_t total = 0;

		for (__u32 s = 0; s < segments; s++)
			total += sender->bytes[first + s];
		memset(&set->message[i], 0, sizeof(set->message[i]));
		set->vector[i] = (struct iovec){ sender->buffer + sender->offset[first], total };
		set->message[i].msg_hdr.msg_iov = &set->vector[i];
		set->message[i].msg_hdr.msg_iovlen = 1;
		set->datagrams[i] = segments;
		if (segments > 1)
			add_segment_size(set, i, sender->bytes[first]);
		first += segments;
	}
}

/* After an error of the first message of `set`. 1: try again; 0: give these datagrams up;
 * -errno: stop. */
static int judge_error(struct sender *sender, const struct message_set *set, int error,
		       unsigned int *tries)
{
	struct timespec pause = { .tv_nsec = TRY_AGAIN_NS };

	if (error == EINTR)
		return 1;
	if (error == ECONNREFUSED) { /* the answer to something sent before */
		sender->run->bounces++;
		return 1;
	}
	if (set->datagrams[0] > 1 &&
	    (error == EINVAL || error == EIO || error == EMSGSIZE || error == ENOTSUP)) {
		sender->can_segment = false;
		return 1;
	}
	if (error != ENOBUFS && error != EAGAIN && error != ENOMEM)
		return -error;
	sender->run->retries++;
	if (++*tries >= TRIES_MAX)
		return 0;
	nanosleep(&pause, NULL);
	return 1;
}

static int flush(struct sender *sender)
{
	static struct message_set set;
	__u32 done = 0;
	unsigned int tries = 0;

	while (done < sender->count) {
		int sent, verdict;

		build_messages(sender, done, &set);
		sent = sendmmsg(sender->fd, set.message, set.count, 0);
		for (int i = 0; i < sent; i++)
			done += set.datagrams[i];
		if (sent > 0) {
			tries = 0;
			continue;
		}
		verdict = judge_error(sender, &set, errno, &tries);
		if (verdict == 1)
			continue;
		if (run_add_gap(sender->run, sender->run->frames - sender->count + done,
				set.datagrams[0]))
			return -ENOMEM;
		done += set.datagrams[0];
		if (verdict < 0) {
			run_add_gap(sender->run, sender->run->frames - sender->count + done,
				    sender->count - done);
			sender->count = 0;
			return verdict;
		}
	}
	sender->count = 0;
	sender->buffer_bytes = 0;
	return 0;
}

/* Originals that may have been made by now. */
static __u64 due(const struct options *options, __u64 started_ns)
{
	if (!options->rate)
		return UINT64_MAX;
	return (__u64)((unsigned __int128)(run_clock_ns() - started_ns) * options->rate /
		       1000000000ull) +
	       1;
}

static void wait_for_next(const struct options *options)
{
	__u64 gap_ns = 1000000000ull / options->rate;
	struct timespec pause = { .tv_nsec = gap_ns < PACE_NS ? PACE_NS : 10 * PACE_NS };

	if (gap_ns > PACE_NS && gap_ns < 10 * PACE_NS)
		pause.tv_nsec = (long)gap_ns;
	pause.tv_nsec /= 2;
	nanosleep(&pause, NULL);
}

static bool is_over(const struct options *options, __u64 started_ns)
{
	if (run_is_stopped())
		return true;
	return !options->rate && options->duration_ns &&
	       run_clock_ns() - started_ns >= (__u64)options->duration_ns;
}

/* A full socket loses names: they are repeated anyway. */
static void teach(struct sender *sender, const struct options *options)
{
	_Alignas(8) __u8 payload[TEACH_PAYLOAD_BYTES_MAX];

	if (!options->names || run_clock_ns() < sender->teach_ns)
		return;
	sender->teach_ns = run_clock_ns() + TEACH_INTERVAL_NS;
	for (int i = 0; i < TEACH_ROUND; i++) {
		__u32 names;
		size_t bytes = teach_write(options, sender->taught++, payload, &names);

		if (send(sender->fd, payload, bytes, 0) != (ssize_t)bytes)
			continue;
		sender->run->taught.datagrams++;
		sender->run->taught.events += names;
	}
}

static int fill_and_send(struct sender *sender, const struct options *options,
			 const struct shape *shape)
{
	struct run *run = sender->run;
	struct plan_datagram datagram;
	__u64 started_ns = run_clock_ns(), allowed = due(options, started_ns);
	int error = 0;

	while (!error) {
		bool is_waiting = run->state.original >= allowed;

		teach(sender, options);
		if (sender->count && (is_waiting || sender->count == sender->batch ||
				      sender->buffer_bytes >= BATCH_BYTES))
			error = flush(sender);
		if (sender->count == 0 && is_over(options, started_ns)) {
			run->is_interrupted = run_is_stopped();
			break;
		}
		if (is_waiting) {
			allowed = due(options, started_ns);
			if (run->state.original >= allowed)
				wait_for_next(options);
			continue;
		}
		if (error || !plan_next(&options->plan, &run->state, &datagram))
			break;
		plan_count(&run->state, &datagram, shape_event_count(shape, &datagram));
		if (datagram.kind == PLAN_LOST)
			continue;
		sender->offset[sender->count] = sender->buffer_bytes;
		sender->bytes[sender->count] = shape_write_payload(
			shape, &options->plan, &datagram, sender->buffer + sender->buffer_bytes);
		sender->buffer_bytes += sender->bytes[sender->count++];
		run->frames++;
	}
	if (!error && sender->count)
		error = flush(sender);
	run->elapsed_ns = run_clock_ns() - started_ns;
	return error;
}

int send_socket(struct run *run, const struct options *options, const struct shape *shape)
{
	struct sender sender;
	int error = sender_open(&sender, options, run);

	assert(options->batch <= DATAGRAMS_MAX);
	if (!error)
		error = fill_and_send(&sender, options, shape);
	sender_close(&sender);
	return error ? command_error(command_exit_code(error),
				     error == -EPERM ? "a packet filter refuses it" : NULL,
				     "cannot send: %s", strerror(-error))
		     : 0;
}
