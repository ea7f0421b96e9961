/* SPDX-License-Identifier: BSD-2-Clause */
#include "bare_groups.h"

#include <errno.h>
#include <sys/mman.h>

int bare_groups_open(struct bare_groups *groups, __u64 groups_max)
{
	__u64 slots = 64;

	while (slots < groups_max * 3)
		slots *= 2;
	*groups = (struct bare_groups){
		.slot_mask = slots - 1,
		.slots_used_bytes = slots * sizeof(*groups->slots),
	};
	groups->slots = dataset_map(groups->slots_used_bytes, &groups->slots_bytes);
	groups->rows = dataset_map(groups_max * sizeof(*groups->rows), &groups->rows_bytes);
	return groups->slots && groups->rows ? 0 : -ENOMEM;
}

void bare_groups_close(struct bare_groups *groups)
{
	if (groups->slots)
		munmap(groups->slots, groups->slots_bytes);
	if (groups->rows)
		munmap(groups->rows, groups->rows_bytes);
}

void bare_groups_reset(struct bare_groups *groups)
{
	memset(groups->slots, 0, groups->slots_used_bytes);
	groups->row_count = 0;
}

void bare_groups_total(const struct bare_groups *groups, __u64 *count, __u64 *sum)
{
	*count = *sum = 0;
	for (__u64 i = 0; i < groups->row_count; i++) {
		*count += groups->rows[i].count;
		*sum += groups->rows[i].sum;
	}
}
