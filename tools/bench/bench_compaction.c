/* SPDX-License-Identifier: BSD-2-Clause */
/* Dropped records: marked in place, or survivors moved together? Runs both programs by
 * BPF_PROG_TEST_RUN over the same datagrams of 44 records, of which rules drop a share at
 * random, and a reader that touches every survivor. Prints nanoseconds a datagram of both
 * halves, as JSON. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "compaction.skel.h"
#include "edge/xdp/ring_reader.h"
#include "report.h"
#include "sluice.skel.h"
#include "sluice/bpf_config.h"
#include "sluice/checksum.h"
#include "sluice/ring_record.h"

#define PORT 9125
#define EVENTS 44
#define DATAGRAMS 1000 /* a slice: fits in the ring */
#define SLICES 15
#define RING_BYTES (4u << 20)
#define PAYLOAD_OFFSET 42
#define LOOPBACK 1

struct frame {
	__u8 ethernet_ip_udp[PAYLOAD_OFFSET];
	__u8 payload[sizeof(struct sluice_header) + EVENTS * 32];
};

struct variant {
	struct bpf_object *object;
	int program_fd;
	struct ring_reader reader;
	__u64 sum; /* so that the reader's work is not optimised away, and comparable */
};

static void build_frame(struct frame *frame)
{
	const struct sluice_header header = {
		.magic = SLUICE_MAGIC,
		.version = SLUICE_VERSION,
		.event_count = EVENTS,
		.event_size = 32,
	};
	__u8 *bytes = frame->ethernet_ip_udp;
	const __u32 udp = 8 + sizeof(frame->payload), ip = 20 + udp;
	__u16 checksum;

	memset(frame, 0, sizeof(*frame));
	memcpy(bytes + 12, (const __u8[]){ 8, 0, 0x45, 0, (__u8)(ip >> 8), (__u8)ip }, 6);
	memcpy(bytes + 22, (const __u8[]){ 64, 17 }, 2);
	checksum = (__u16)~sluice_sum_fold(sluice_sum(bytes + 14, 20));
	memcpy(bytes + 24, &checksum, sizeof(checksum));
	memcpy(bytes + 36, (const __u8[]){ PORT >> 8, PORT & 255, (__u8)(udp >> 8), (__u8)udp }, 4);
	memcpy(frame->payload, &header, sizeof(header));
	for (__u32 i = 0; i < EVENTS; i++) {
		struct sluice_event event = { .key = i * 2654435761u,
					      .value = i,
					      .type = (__u16)i };

		memcpy(frame->payload + sizeof(header) + i * 32, &event, 32);
	}
}

/* Scattered, not in a row: record i is dropped when a fixed shuffle puts it below the share. */
static int set_config(struct variant *variant, unsigned int percent)
{
	int fd = bpf_object__find_map_fd_by_name(variant->object, "sluice_config");
	struct sluice_configs *configs = calloc(1, sizeof(*configs));
	struct sluice_config *config;
	__u32 zero = 0;
	int code;

	if (!configs)
		return -ENOMEM;
	config = &configs->slot[0];
	config->listener_count = 1;
	config->listener[0].ifindex = LOOPBACK;
	config->listener[0].port = PORT;
	config->has_rules = percent > 0;
	for (unsigned int type = 0; type < EVENTS; type++)
		config->type_rule[type] = type * 19 % EVENTS * 100 < percent * EVENTS;
	code = bpf_map_update_elem(fd, &zero, configs, BPF_ANY) ? -errno : 0;
	free(configs);
	return code;
}

static int open_variant(struct variant *variant, struct bpf_object *object)
{
	static const char *const per_cpu[] = { "sluice_types", "sluice_wake", "sluice_rings",
					       "sluice_packet" };
	__u32 cpu = (__u32)sched_getcpu();
	int ring_fd, code;

	variant->object = object;
	for (size_t i = 0; i < sizeof(per_cpu) / sizeof(per_cpu[0]); i++)
		bpf_map__set_max_entries(bpf_object__find_map_by_name(object, per_cpu[i]),
					 (__u32)libbpf_num_possible_cpus());
	code = bpf_object__load(object);
	if (code)
		return code;
	variant->program_fd =
		bpf_program__fd(bpf_object__find_program_by_name(object, "sluice_xdp"));
	ring_fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "bench_ring", 0, 0, RING_BYTES, NULL);
	if (ring_fd < 0 ||
	    bpf_map_update_elem(bpf_object__find_map_fd_by_name(object, "sluice_rings"), &cpu,
				&ring_fd, BPF_ANY))
		return -errno;
	return ring_reader_open(&variant->reader, ring_fd);
}

static void take(struct variant *variant, const struct sluice_record *record, bool is_compact)
{
	const __u8 *events =
		(const __u8 *)record + record->prefix_bytes + sizeof(struct sluice_header);

	if (is_compact) {
		for (__u32 i = 0; i < record->kept; i++)
			variant->sum += ((const struct sluice_event *)(events + 32 * i))->key;
		return;
	}
	for (__u64 left = ~record->dropped & ((1ull << EVENTS) - 1); left; left &= left - 1) {
		int i = __builtin_ctzll(left);

		variant->sum += ((const struct sluice_event *)(events + 32 * i))->key;
	}
}

/* One slice: nanoseconds a datagram of the program and of the reader. */
static int run_slice(struct variant *variant, const struct frame *frame, bool is_compact,
		     double *program_ns, double *reader_ns)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(*frame),
		    .repeat = DATAGRAMS);
	const struct sluice_record *record;
	__u32 taken = 0;
	size_t bytes;
	__u64 start;

	if (bpf_prog_test_run_opts(variant->program_fd, &options))
		return -errno;
	start = report_cpu_ns();
	for (; (record = ring_reader_next(&variant->reader, &bytes)); taken++)
		take(variant, record, is_compact);
	ring_reader_release(&variant->reader);
	*reader_ns = (double)(report_cpu_ns() - start) / DATAGRAMS;
	*program_ns = options.duration;
	return taken == DATAGRAMS ? 0 : -EIO;
}

static double least(const double *values)
{
	double found = values[0];

	for (int i = 1; i < SLICES; i++)
		found = values[i] < found ? values[i] : found;
	return found;
}

/* The least of the slices: other work on the machine only ever adds. */
static int measure(struct report *report, struct variant *variants, const struct frame *frame,
		   unsigned int percent)
{
	static const char *const names[2][2] = { { "marked_program_ns", "marked_reader_ns" },
						 { "moved_program_ns", "moved_reader_ns" } };
	double program[2][SLICES], reader[2][SLICES];
	char label[64];
	int code = 0;

	for (int v = 0; v < 2 && !code; v++) {
		variants[v].sum = 0;
		code = set_config(&variants[v], percent);
	}
	for (int slice = 0; slice < SLICES && !code; slice++) {
		for (int v = 0; v < 2 && !code; v++)
			code = run_slice(&variants[v], frame, v, &program[v][slice],
					 &reader[v][slice]);
	}
	if (code)
		return code;
	if (variants[0].sum != variants[1].sum)
		return -EBADMSG;
	for (int v = 0; v < 2; v++) {
		snprintf(label, sizeof(label), "%s_%u", names[v][0], percent);
		report_add_extra(report, strdup(label), least(program[v]));
		snprintf(label, sizeof(label), "%s_%u", names[v][1], percent);
		report_add_extra(report, strdup(label), least(reader[v]));
	}
	if (percent == 50) {
		report_add_run(report, least(program[0]) + least(reader[0]));
		report->yardstick = least(program[1]) + least(reader[1]);
	}
	return 0;
}

int main(void)
{
	static const unsigned int percents[] = { 0, 50, 90 };
	struct report report = { .name = "compaction", .metric = "ns_per_datagram" };
	struct variant variants[2] = { 0 };
	struct sluice_bpf *marking = sluice_bpf__open();
	struct compaction_bpf *moving = compaction_bpf__open();
	struct frame frame;
	cpu_set_t set;
	int code = marking && moving ? 0 : -errno;

	CPU_ZERO(&set);
	CPU_SET((size_t)sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
	build_frame(&frame);
	if (!code)
		code = open_variant(&variants[0], marking->obj);
	if (!code)
		code = open_variant(&variants[1], moving->obj);
	for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]) && !code; i++)
		code = measure(&report, variants, &frame, percents[i]);
	if (code)
		fprintf(stderr, "bench_compaction: %s\n", strerror(-code));
	else
		report_print(&report);
	for (int v = 0; v < 2; v++)
		ring_reader_close(&variants[v].reader);
	sluice_bpf__destroy(marking);
	compaction_bpf__destroy(moving);
	return code ? 1 : 0;
}
