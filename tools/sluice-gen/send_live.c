/* SPDX-License-Identifier: BSD-2-Clause */
/* Live frames at the kernel's own speed: loads the program, runs it in one long test run on a
 * thread of its own, watches it, and ends it by a signal. Every frame the kernel did not take is
 * known by its number. Starting a test run costs some 20 ms (the kernel waits for an RCU
 * period), so there is only one. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "live.h"
#include "live.skel.h"
#include "run.h"
#include "sluice/checksum.h"

#define WATCH_NS 4000000 /* how soon the end is noticed */
#define WAKE_SIGNAL SIGUSR1
#define REPEAT_MAX 4000000000u
#define UDP_BYTES 8

struct live {
	const struct options *options;
	struct shape *shape;
	struct run *run;
	struct live_bpf *skeleton;
	pthread_t thread;
	volatile bool is_ending; /* the thread starts no further run */
	volatile bool is_ended;
	int error; /* of the thread */
};

static int explain(int error, const char *interface)
{
	switch (-error) {
	case EPERM:
	case EACCES:
		return command_error(EX_NOPERM, "run it as root",
				     "live frames need CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON");
	case ENODEV:
		return command_error(EX_UNAVAILABLE, "`ip link` lists them", "no interface %s",
				     interface);
	case ENXIO:
		return command_error(
			EX_UNAVAILABLE,
			"attach an XDP program there or switch GRO on (ethtool -K PEER gro on)",
			"the far end of %s takes no frames", interface);
	case ENETDOWN:
		return command_error(EX_UNAVAILABLE, "ip link set IF up",
				     "%s or its far end is down", interface);
	case EOPNOTSUPP:
		return command_error(EX_UNAVAILABLE,
				     "use a veth or a driver with XDP, or --to without --interface",
				     "the driver of %s cannot send XDP frames", interface);
	case EMSGSIZE:
		return command_error(EX_USAGE,
				     "fewer --events, or a larger MTU (ip link set IF mtu N)",
				     "the frames are too long for %s or for one page (%d bytes)",
				     interface, LIVE_FRAME_BYTES_MAX);
	default:
		return command_error(1, NULL, "cannot send live frames out of %s: %s", interface,
				     strerror(-error));
	}
}

/* Frames come from the interface's own address; their size must fit it. */
static int read_interface(const char *name, __u8 mac[6], int *mtu)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), error = 0;
	struct ifreq request = { 0 };

	if (fd < 0)
		return -errno;
	strncpy(request.ifr_name, name, sizeof(request.ifr_name) - 1);
	if (ioctl(fd, SIOCGIFHWADDR, &request))
		error = -errno;
	else
		memcpy(mac, request.ifr_hwaddr.sa_data, 6);
	if (!error && ioctl(fd, SIOCGIFMTU, &request))
		error = -errno;
	else
		*mtu = request.ifr_mtu;
	close(fd);
	return error;
}

/* Of short frames the slots hold records alone, so that they stay in the cache: what is stamped on
 * the key is in its place. */
static void fill_short_pool(const struct shape *shape, __u8 *pool)
{
	__u32 event_size = shape->options.event_size, count = shape->options.events_max;
	const __u8 *slot = shape->pool;

	for (__u32 i = 0; i < shape->template_count; i++, slot += shape->slot_bytes) {
		const __u8 *keys = slot + SHAPE_SLOT_HEAD_BYTES;
		const __u8 *records = slot + shape->frame_offset + shape->header_bytes +
				      sizeof(struct sluice_header);

		memcpy(pool, records, (size_t)count * event_size);
		for (__u32 j = 0; j < count; j++, pool += event_size)
			memcpy(pool, keys + (size_t)j * SHAPE_SLOT_KEY_BYTES, SHAPE_SLOT_KEY_BYTES);
	}
}

/* Of what the checksum covers outside a payload of so many bytes. */
static __u64 outer_sum(const struct live_layout *layout, size_t payload_bytes)
{
	__u64 udp_bytes = htons((__u16)(UDP_BYTES + payload_bytes));

	return layout->pseudo_sum + layout->port_sum + 2 * udp_bytes;
}

/* Where a frame of the pool has its checksum stands the sum of all that is not stamped. */
static void sum_template(const struct live_layout *layout, __u8 *frame, __u32 frame_bytes)
{
	size_t payload_bytes = frame_bytes - layout->header_bytes,
	       head_bytes = layout->header_bytes + sizeof(struct sluice_header);
	__u64 sum = outer_sum(layout, payload_bytes);
	__u16 folded = sluice_sum_fold(
		sum + sluice_sum(frame + head_bytes, (__u32)(frame_bytes - head_bytes)));

	memcpy(frame + layout->header_bytes - sizeof(folded), &folded, sizeof(folded));
}

/* The program stamps two keys at a time: {key, block}, {key, block} become {key, key}, {block,
 * block}, but for a last one without another. */
static void fill_long_pool(const struct shape *shape, const struct live_layout *layout, __u8 *pool)
{
	memcpy(pool, shape->pool, (size_t)shape->template_count * shape->slot_bytes);
	for (__u32 i = 0; i < shape->template_count; i++, pool += shape->slot_bytes) {
		__u32 *words = (__u32 *)(pool + SHAPE_SLOT_HEAD_BYTES), count, frame_bytes, block;

		memcpy(&count, pool, sizeof(count));
		memcpy(&frame_bytes, pool + sizeof(count), sizeof(frame_bytes));
		sum_template(layout, pool + layout->frame_offset, frame_bytes);
		for (; count >= 2; count -= 2, words += 4) {
			block = words[1];
			words[1] = words[2];
			words[2] = block;
		}
	}
}

static void fill_short_layout(const struct shape *shape, struct live_layout *layout)
{
	struct sluice_header common;

	plan_stamp_common(&layout->plan, &common, layout->event_count);
	memcpy(layout->start, shape->pool + shape->frame_offset, shape->header_bytes);
	memcpy(layout->start + shape->header_bytes, &common, LIVE_COMMON_BYTES);
	layout->short_sum = outer_sum(layout, shape->frame_bytes_max - shape->header_bytes);
	layout->is_short = 1;
	layout->frame_offset = 0;
	layout->slot_bytes = layout->event_count * layout->event_size;
}

static void fill_layout(struct live *live, unsigned int ifindex)
{
	const struct shape *shape = live->shape;
	struct live_layout layout = {
		.plan = live->options->plan,
		.ifindex = ifindex,
		.header_bytes = shape->header_bytes,
		.slot_bytes = shape->slot_bytes,
		.frame_offset = shape->frame_offset,
		.frame_bytes_max = shape->frame_bytes_max,
		.event_size = shape->options.event_size,
		.is_paced = live->options->rate != 0,
	};

	layout.pseudo_sum = frame_pseudo_sum(shape->options.address.is_v6,
					     shape->pool + shape->frame_offset);
	layout.port_sum = (__u64)htons(shape->options.address.to_port) +
			  htons(shape->options.address.from_port);
	if (shape->options.events_min == shape->options.events_max)
		layout.event_count = shape->options.events_max;
	layout.is_plain = layout.event_count && plan_is_plain(&layout.plan);
	if (shape->is_short)
		fill_short_layout(shape, &layout);
	memcpy((void *)(uintptr_t)&live->skeleton->rodata->live_layout, &layout, sizeof(layout));
}

/* The interface's own address goes into every template. */
static void set_from_mac(struct shape *shape, const __u8 mac[6])
{
	memcpy(shape->options.address.from_mac, mac, 6);
	for (__u32 i = 0; i < shape->template_count; i++)
		memcpy(shape->pool + (size_t)i * shape->slot_bytes + shape->frame_offset + 6, mac,
		       6);
}

static int live_open(struct live *live)
{
	const char *interface = live->options->interface;
	unsigned int ifindex = if_nametoindex(interface);
	struct shape *shape = live->shape;
	__u8 mac[6];
	int mtu = 0, error;

	if (!ifindex)
		return -ENODEV;
	error = read_interface(interface, mac, &mtu);
	if (error)
		return error;
	if (shape->frame_bytes_max > LIVE_FRAME_BYTES_MAX ||
	    shape->options.events_max > LIVE_EVENTS_MAX ||
	    shape->frame_bytes_max - ETH_HLEN > (__u32)mtu)
		return -EMSGSIZE;
	set_from_mac(shape, mac);
	live->skeleton = live_bpf__open();
	if (!live->skeleton)
		return -errno;
	fill_layout(live, ifindex);
	error = live_bpf__load(live->skeleton);
	if (error)
		return error;
	/* The last slots stay unused, so that no offset the program accepts leads out of the
	 * pool. */
	assert((size_t)shape->template_count * shape->slot_bytes <=
	       LIVE_POOL_BYTES - LIVE_SLOT_BYTES_MAX);
	if (shape->is_short)
		fill_short_pool(shape, live->skeleton->bss->live_pool);
	else
		fill_long_pool(shape, (const void *)&live->skeleton->rodata->live_layout,
			       live->skeleton->bss->live_pool);
	return live_bpf__attach(live->skeleton);
}

static void wake(int number)
{
	(void)number; /* only interrupts the test run */
}

static void *run_program(void *context)
{
	struct live *live = context;
	struct live_state *state = &live->skeleton->bss->live_state;
	__u32 frame_bytes = live->shape->frame_bytes_max;
	__u8 *frame = calloc(1, frame_bytes);
	struct xdp_md where = { .data_end = frame_bytes,
				.ingress_ifindex = live->skeleton->rodata->live_layout.ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = frame_bytes,
		    .ctx_in = &where, .ctx_size_in = sizeof(where), .repeat = (int)REPEAT_MAX,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = live->options->batch);
	int error = frame ? 0 : -ENOMEM;

	while (!error && !live->is_ending && state->phase != LIVE_DONE) {
		error = bpf_prog_test_run_opts(bpf_program__fd(live->skeleton->progs.gen_send),
					       &options);
		if (error == -EINTR || error == -EAGAIN)
			error = 0;
	}
	free(frame);
	live->error = error;
	live->is_ended = true;
	return NULL;
}

static void set_pace(struct live *live)
{
	struct live_pace *pace = &live->skeleton->bss->live_pace;
	unsigned __int128 per_ns;

	for (pace->shift = 63; pace->shift > 0; pace->shift--) {
		per_ns = ((unsigned __int128)live->options->rate << pace->shift) / 1000000000u;
		if (per_ns < 1u << LIVE_PACE_BITS)
			break;
	}
	pace->per_ns = (__u64)per_ns;
}

static bool is_over(const struct live *live)
{
	const volatile struct live_state *state = &live->skeleton->bss->live_state;

	if (live->is_ended || run_is_stopped() || state->phase == LIVE_DONE)
		return true;
	return live->options->duration_ns && live->options->plan.original_count == UINT64_MAX &&
	       state->started_ns &&
	       run_clock_ns() - state->started_ns >= (__u64)live->options->duration_ns;
}

static void watch(struct live *live)
{
	const volatile struct live_state *state = &live->skeleton->bss->live_state;
	struct timespec pause = { .tv_nsec = WATCH_NS };
	__u64 ended_ns;

	while (!is_over(live))
		nanosleep(&pause, NULL);
	live->run->is_interrupted = run_is_stopped();
	live->is_ending = true;
	for (ended_ns = run_clock_ns(); !live->is_ended; nanosleep(&pause, NULL))
		pthread_kill(live->thread, WAKE_SIGNAL);
	if (state->ended_ns)
		ended_ns = state->ended_ns;
	if (state->started_ns)
		live->run->elapsed_ns = ended_ns - state->started_ns;
}

static int compare_gaps(const void *left, const void *right)
{
	const struct live_gap *a = left, *b = right;

	return (a->first_frame > b->first_frame) - (a->first_frame < b->first_frame);
}

/* What the program has no need to count. */
static void count_plain(struct plan_state *state, __u32 events)
{
	state->kind[PLAN_NORMAL].datagrams = state->original;
	state->kind[PLAN_NORMAL].events = state->original * events;
}

static int read_result(struct live *live)
{
	struct live_state *state = &live->skeleton->bss->live_state;
	struct live_gap *gaps = live->skeleton->bss->live_gaps;
	struct run *run = live->run;
	int error = 0;

	if (live->skeleton->rodata->live_layout.is_plain)
		count_plain(&state->plan, live->shape->options.events_max);
	run->state = state->plan;
	run->frames = live_frames(state);
	if (state->gaps > LIVE_GAPS_MAX) {
		fprintf(stderr,
			"sluice-gen: warning: the kernel refused frames more than %d times: which "
			"ones is not known, so no truth can be told; lower --rate\n",
			LIVE_GAPS_MAX);
		run->unsent = state->unsent;
		return -EOVERFLOW;
	}
	qsort(gaps, state->gaps, sizeof(*gaps), compare_gaps);
	for (__u64 i = 0; i < state->gaps && !error; i++)
		error = run_add_gap(run, gaps[i].first_frame, gaps[i].frame_count);
	if (!error && state->settled + state->unqueued != run->frames) {
		fprintf(stderr, "sluice-gen: warning: of %llu frames only %llu are accounted for\n",
			(unsigned long long)run->frames,
			(unsigned long long)(state->settled + state->unqueued));
		error = -EPROTO;
	}
	return error ? error : (int)state->error;
}

int send_live(struct run *run, const struct options *options, struct shape *shape)
{
	struct live live = { .options = options, .shape = shape, .run = run };
	struct sigaction action = { .sa_handler = wake };
	int error = live_open(&live);

	sigaction(WAKE_SIGNAL, &action, NULL);
	if (!error) {
		set_pace(&live);
		error = -pthread_create(&live.thread, NULL, run_program, &live);
	}
	if (!error) {
		watch(&live);
		pthread_join(live.thread, NULL);
		error = read_result(&live);
		if (live.error)
			error = live.error;
	}
	live_bpf__destroy(live.skeleton);
	return error ? explain(error, options->interface) : 0;
}
