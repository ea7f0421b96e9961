/* SPDX-License-Identifier: BSD-2-Clause */
/* Two counters of blocks, `given` (producer) and `taken` (consumer), that only rise; each side
 * writes its own with release and reads the other's with acquire, which hands over the blocks
 * between. */
#include "engine/worker/handoff.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

#define LINE 64

struct slot {
	size_t byte_count;
	__u64 end_order;
};

struct handoff {
	unsigned char *blocks;
	struct slot slot[HANDOFF_BLOCKS];
	_Alignas(LINE) _Atomic __u64 given;
	size_t fill; /* producer: bytes committed in the open block */
	size_t reserved; /* producer: room that was promised behind them */
	_Alignas(LINE) _Atomic __u64 taken;
};

_Static_assert((HANDOFF_BLOCKS & (HANDOFF_BLOCKS - 1)) == 0,
	       "positions are taken modulo the blocks");
_Static_assert(HANDOFF_FILL_BYTES < HANDOFF_BLOCK_BYTES, "a full block is not over its end");

int handoff_open(struct handoff **handoff)
{
	struct handoff *made = aligned_alloc(LINE, sizeof(*made));
	void *blocks;

	if (!made)
		return -ENOMEM;
	*made = (struct handoff){ 0 };
	blocks = mmap(NULL, (size_t)HANDOFF_BLOCKS * HANDOFF_BLOCK_BYTES, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (blocks == MAP_FAILED) {
		free(made);
		return -ENOMEM;
	}
	made->blocks = blocks;
	*handoff = made;
	return 0;
}

void handoff_close(struct handoff *handoff)
{
	if (!handoff)
		return;
	munmap(handoff->blocks, (size_t)HANDOFF_BLOCKS * HANDOFF_BLOCK_BYTES);
	free(handoff);
}

static unsigned char *block_at(const struct handoff *handoff, __u64 position)
{
	return handoff->blocks + (position % HANDOFF_BLOCKS) * HANDOFF_BLOCK_BYTES;
}

/* Whether the block that is open for writing belongs to the producer. */
static bool is_room(struct handoff *handoff, __u64 given)
{
	return given - atomic_load_explicit(&handoff->taken, memory_order_acquire) < HANDOFF_BLOCKS;
}

static void give(struct handoff *handoff, __u64 given, __u64 end_order)
{
	struct slot *slot = &handoff->slot[given % HANDOFF_BLOCKS];

	slot->byte_count = handoff->fill;
	slot->end_order = end_order;
	handoff->fill = 0;
	handoff->reserved = 0;
	atomic_store_explicit(&handoff->given, given + 1, memory_order_release);
}

static void *reserve(void *context, size_t bytes_min, size_t bytes_max, size_t *bytes_room)
{
	struct handoff *handoff = context;
	__u64 given = atomic_load_explicit(&handoff->given, memory_order_relaxed);
	size_t room;

	assert(bytes_min <= bytes_max && bytes_min <= HANDOFF_BLOCK_BYTES);
	if (!is_room(handoff, given))
		return NULL;
	if (handoff->fill && handoff->fill + bytes_min > HANDOFF_FILL_BYTES) {
		give(handoff, given++, 0);
		if (!is_room(handoff, given))
			return NULL;
	}
	room = HANDOFF_FILL_BYTES - handoff->fill; /* fill is 0 where it could be more */
	if (room < bytes_min)
		room = bytes_min;
	if (room > bytes_max)
		room = bytes_max;
	handoff->reserved = room;
	*bytes_room = room;
	return block_at(handoff, given) + handoff->fill;
}

static void commit(void *context, size_t bytes)
{
	struct handoff *handoff = context;

	assert(bytes <= handoff->reserved && bytes % 8 == 0);
	handoff->fill += bytes;
	handoff->reserved = 0;
}

struct row_writer handoff_writer(struct handoff *handoff)
{
	return (struct row_writer){ .context = handoff, .reserve = reserve, .commit = commit };
}

int handoff_end(struct handoff *handoff, __u64 order)
{
	__u64 given = atomic_load_explicit(&handoff->given, memory_order_relaxed);

	assert(order);
	if (!is_room(handoff, given))
		return -EAGAIN;
	give(handoff, given, order);
	return 0;
}

int handoff_take(struct handoff *handoff, struct handoff_block *block)
{
	__u64 taken = atomic_load_explicit(&handoff->taken, memory_order_relaxed);
	const struct slot *slot = &handoff->slot[taken % HANDOFF_BLOCKS];

	if (taken == atomic_load_explicit(&handoff->given, memory_order_acquire))
		return 0;
	*block = (struct handoff_block){ .bytes = block_at(handoff, taken),
					 .byte_count = slot->byte_count,
					 .end_order = slot->end_order };
	return 1;
}

void handoff_release(struct handoff *handoff)
{
	__u64 taken = atomic_load_explicit(&handoff->taken, memory_order_relaxed);

	atomic_store_explicit(&handoff->taken, taken + 1, memory_order_release);
}
