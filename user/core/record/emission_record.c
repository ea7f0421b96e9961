/* SPDX-License-Identifier: BSD-2-Clause */
/* Bodies of one struct each; later versions of a kind may be longer. */
#include "core/record/emission_record.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/record/loss_cause.h"

/* The body of a record of this kind, or NULL. */
static const void *body(const struct sluice_disk_record *record, __u16 kind, size_t bytes)
{
	if (record->kind != kind || record->version != 1 || record->bytes < sizeof(*record) + bytes)
		return NULL;
	return record + 1;
}

int emission_record_read(struct sluice_emission *emission, __u32 window_count,
			 const struct sluice_disk_record *record)
{
	__u16 kind = record->kind == SLUICE_DISK_FINAL ? SLUICE_DISK_FINAL : SLUICE_DISK_COMPLETE;
	const struct sluice_emission *read = body(record, kind, sizeof(*read));

	if (!read || read->window >= window_count || read->first_lsn > read->last_lsn)
		return -EBADMSG;
	*emission = *read;
	return 0;
}

int gap_record_read(struct sluice_gap *gap, __u32 window_count,
		    const struct sluice_disk_record *record)
{
	const struct sluice_gap *read = body(record, SLUICE_DISK_GAP, sizeof(*read));

	if (!read || read->window >= window_count || read->from_ns >= read->to_ns)
		return -EBADMSG;
	*gap = *read;
	return 0;
}

int loss_record_read(struct sluice_loss *loss, __u32 window_count,
		     const struct sluice_disk_record *record)
{
	const struct sluice_loss *read = body(record, SLUICE_DISK_LOSS, sizeof(*read));

	if (!read || read->window >= window_count || read->from_ns > read->to_ns ||
	    read->cause >= LOSS_CAUSES)
		return -EBADMSG;
	*loss = *read;
	return 0;
}

int epoch_end_record_read(struct sluice_epoch_end *end, __u32 window_count,
			  const struct sluice_disk_record *record)
{
	const struct sluice_epoch_end *read = body(record, SLUICE_DISK_EPOCH_END, sizeof(*read));

	if (!read || read->window >= window_count)
		return -EBADMSG;
	*end = *read;
	return 0;
}
