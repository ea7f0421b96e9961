/* SPDX-License-Identifier: BSD-2-Clause */
/* Records that say something about rows, read: where an emission and an instance end, what time a
 * window cannot know, what was found to be missing later, where an epoch ends. Each is checked
 * against a schema of so many windows. Any bytes are safe. */
#ifndef SLUICE_CORE_EMISSION_RECORD_H
#define SLUICE_CORE_EMISSION_RECORD_H

#include "sluice/disk_format.h"

/* 0, or -EBADMSG with the output untouched. */

/* A complete or final record; its positions are in order. */
int emission_record_read(struct sluice_emission *emission, __u32 window_count,
			 const struct sluice_disk_record *record);
/* from_ns < to_ns. */
int gap_record_read(struct sluice_gap *gap, __u32 window_count,
		    const struct sluice_disk_record *record);
/* from_ns <= to_ns; the cause is one of enum loss_cause. */
int loss_record_read(struct sluice_loss *loss, __u32 window_count,
		     const struct sluice_disk_record *record);
int epoch_end_record_read(struct sluice_epoch_end *end, __u32 window_count,
			  const struct sluice_disk_record *record);

#endif
