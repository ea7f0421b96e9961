/* SPDX-License-Identifier: BSD-2-Clause */
/* Counting what waits walks the records with copies of the ring readers, which move no shared
 * position. */
#include "engine/control/intake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "edge/xdp/bpf_loader.h"
#include "engine/worker/worker.h"

/* Looks for a moment without packets: each try costs some microseconds. */
#define QUIET_TRIES 2000
#define WAKE_BYTES_MAX (256u << 10)

static void compile_listener(struct sluice_listener *compiled,
			     const struct config_listener *listener)
{
	*compiled = (struct sluice_listener){
		.port = listener->port,
		.action = (__u8)listener->action,
		.has_address = listener->has_address,
		.is_unchecked = listener->checksum == CONFIG_CHECKSUM_OFF,
	};
	memcpy(compiled->address, listener->address, sizeof(compiled->address));
}

void intake_compile(struct sluice_config *compiled, const struct config *config)
{
	memset(compiled, 0, sizeof(*compiled));
	compiled->listener_count = config->listener_count;
	for (__u32 i = 0; i < config->listener_count; i++)
		compile_listener(&compiled->listener[i], &config->listener[i]);
	memset(compiled->type_rule, config->filter_default, sizeof(compiled->type_rule));
	/* The first rule that names a type decides: from the last to the first. */
	for (__u32 i = config->rule_count; i-- > 0;)
		for (__u32 k = 0; k < config->rules[i].type_count; k++)
			compiled->type_rule[config->rules[i].types[k]] =
				(__u8)config->rules[i].action;
	compiled->has_rules =
		memchr(compiled->type_rule, SLUICE_RULE_DROP, sizeof(compiled->type_rule)) != NULL;
}

__u64 intake_ring_bytes(const struct config *config)
{
	__u64 bytes = 0;

	for (__u32 i = 0; i < config->listener_count; i++)
		if (config->listener[i].ring_bytes > bytes)
			bytes = config->listener[i].ring_bytes;
	return bytes;
}

__u32 intake_wake_bytes(__u64 ring_bytes)
{
	__u64 eighth = ring_bytes / 8;

	return eighth < WAKE_BYTES_MAX ? (__u32)eighth : WAKE_BYTES_MAX;
}

int intake_read(const struct bpf_loader *loader, __u32 listener_count,
		struct account_kernel *kernel)
{
	int error = bpf_loader_read_traffic(loader, &kernel->traffic);

	for (__u32 i = 0; !error && i < listener_count; i++)
		error = bpf_loader_read_ledger(loader, i, &kernel->ledger[i]);
	kernel->listener_count = listener_count;
	return error;
}

/* Moves `reader`, a copy, over every record there is. */
static void count_records(struct ring_reader *reader, struct sluice_count *waiting)
{
	const struct sluice_record *record;
	size_t bytes;

	while ((record = ring_reader_next(reader, &bytes))) {
		waiting->datagrams++;
		waiting->events += record->kept;
	}
}

static bool is_at_end(const struct ring_reader *readers, __u32 count)
{
	for (__u32 i = 0; i < count; i++)
		if (ring_reader_waiting_bytes(&readers[i]))
			return false;
	return true;
}

static int read_emitted(const struct bpf_loader *loader, __u32 listener_count,
			struct sluice_count *emitted)
{
	struct account_kernel kernel;
	int error = intake_read(loader, listener_count, &kernel);

	if (!error)
		*emitted = account_emitted(&kernel);
	return error;
}

/* One try; exact when nothing moved between the two readings of the counters. */
static int try_count(const struct bpf_loader *loader, __u32 listener_count,
		     struct ring_reader *readers, __u32 ring_count, struct sluice_count *waiting,
		     struct account_unread *unread)
{
	struct sluice_count before, after;
	int error = read_emitted(loader, listener_count, &before);

	if (error)
		return error;
	for (__u32 i = 0; i < ring_count; i++)
		count_records(&readers[i], waiting);
	error = read_emitted(loader, listener_count, &after);
	if (error)
		return error;
	*unread = account_unread_at_start(before, *waiting, after);
	return is_at_end(readers, ring_count) && before.datagrams == after.datagrams ? 0 : -EAGAIN;
}

int intake_count_unread(const struct bpf_loader *loader, __u32 listener_count,
			const struct worker_ring *rings, __u32 ring_count,
			struct account_unread *unread)
{
	struct ring_reader *readers = calloc(ring_count, sizeof(*readers));
	struct sluice_count waiting = { 0 };
	struct account_unread found;
	int error = -EAGAIN;

	if (!readers)
		return -ENOMEM;
	for (__u32 i = 0; i < ring_count; i++)
		readers[i] = rings[i].reader;
	for (int i = 0; i < QUIET_TRIES && error == -EAGAIN; i++)
		error = try_count(loader, listener_count, readers, ring_count, &waiting, &found);
	free(readers);
	if (error && error != -EAGAIN)
		return error;
	*unread = found;
	return 0;
}
