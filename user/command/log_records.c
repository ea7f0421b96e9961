/* SPDX-License-Identifier: BSD-2-Clause */
/* The table, and what reads by it. */
#include "command/log_records.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define COUNT(array) (__u16)(sizeof(array) / sizeof(*(array)))
#define FIELD(type, text, member, what)                   \
	{                                                 \
		text, what, offsetof(struct type, member) \
	}

static const struct log_record_field emission_fields[] = {
	FIELD(sluice_emission, "window", window, LOG_RECORD_WINDOW),
	FIELD(sluice_emission, "start", start_ns, LOG_RECORD_TIME),
	FIELD(sluice_emission, "end", end_ns, LOG_RECORD_TIME),
	FIELD(sluice_emission, "flags", flags, LOG_RECORD_FLAGS),
	FIELD(sluice_emission, "epoch", epoch, LOG_RECORD_NUMBER),
	FIELD(sluice_emission, "order", order, LOG_RECORD_NUMBER),
	FIELD(sluice_emission, "first_lsn", first_lsn, LOG_RECORD_NUMBER),
	FIELD(sluice_emission, "last_lsn", last_lsn, LOG_RECORD_NUMBER),
	FIELD(sluice_emission, "rows", rows, LOG_RECORD_NUMBER),
};

static const struct log_record_field late_count_fields[] = {
	FIELD(sluice_late_count, "window", window, LOG_RECORD_WINDOW),
	FIELD(sluice_late_count, "epoch", epoch, LOG_RECORD_NUMBER),
	FIELD(sluice_late_count, "panes", pane_count, LOG_RECORD_COUNT),
};

static const struct log_record_field gap_fields[] = {
	FIELD(sluice_gap, "window", window, LOG_RECORD_WINDOW),
	FIELD(sluice_gap, "from", from_ns, LOG_RECORD_TIME),
	FIELD(sluice_gap, "to", to_ns, LOG_RECORD_TIME),
	FIELD(sluice_gap, "cause", cause, LOG_RECORD_CAUSE),
	FIELD(sluice_gap, "records", records, LOG_RECORD_NUMBER),
};

static const struct log_record_field epoch_end_fields[] = {
	FIELD(sluice_epoch_end, "window", window, LOG_RECORD_WINDOW),
	FIELD(sluice_epoch_end, "epoch", epoch, LOG_RECORD_NUMBER),
};

static const struct log_record_field loss_fields[] = {
	FIELD(sluice_loss, "window", window, LOG_RECORD_WINDOW),
	FIELD(sluice_loss, "from", from_ns, LOG_RECORD_TIME),
	FIELD(sluice_loss, "to", to_ns, LOG_RECORD_TIME),
	FIELD(sluice_loss, "cause", cause, LOG_RECORD_MISSING),
	FIELD(sluice_loss, "records", records, LOG_RECORD_SIGNED),
	FIELD(sluice_loss, "epoch", epoch, LOG_RECORD_NUMBER),
};

#define KIND(kind, type, fields)                                 \
	{                                                        \
		kind, sizeof(struct type), COUNT(fields), fields \
	}

static const struct log_record_kind kinds[] = {
	KIND(SLUICE_DISK_COMPLETE, sluice_emission, emission_fields),
	KIND(SLUICE_DISK_FINAL, sluice_emission, emission_fields),
	KIND(SLUICE_DISK_LATE_COUNT, sluice_late_count, late_count_fields),
	KIND(SLUICE_DISK_GAP, sluice_gap, gap_fields),
	KIND(SLUICE_DISK_EPOCH_END, sluice_epoch_end, epoch_end_fields),
	KIND(SLUICE_DISK_LOSS, sluice_loss, loss_fields),
};

const struct log_record_kind *log_record_kind(__u16 kind)
{
	for (size_t i = 0; i < COUNT(kinds); i++) {
		if (kinds[i].kind == kind)
			return &kinds[i];
	}
	return NULL;
}

__u64 log_record_number(const struct log_record_field *field,
			const struct sluice_disk_record *record)
{
	const __u8 *at = (const __u8 *)(record + 1) + field->offset;
	__u64 number = 0;
	size_t bytes = field->type == LOG_RECORD_COUNT ? 4 : 2;

	if (field->type >= LOG_RECORD_NUMBER)
		bytes = 8;
	memcpy(&number, at, bytes); /* little-endian, as all of it */
	return number;
}

/* The one kind with something behind its fields. */
static int check_panes(const struct sluice_disk_record *record, size_t body_bytes)
{
	const struct sluice_late_count *head = (const struct sluice_late_count *)(record + 1);

	return head->pane_bytes >= sizeof(struct sluice_late_pane) && head->pane_bytes % 8 == 0 &&
			       head->pane_count ==
				       (body_bytes - sizeof(*head)) / head->pane_bytes &&
			       (body_bytes - sizeof(*head)) % head->pane_bytes == 0
		       ? 0
		       : -EBADMSG;
}

int log_record_check(const struct log_record_kind *kind, const struct schema *schema,
		     const struct sluice_disk_record *record)
{
	size_t body_bytes = record->bytes - sizeof(*record);

	if (!schema || body_bytes < kind->body_bytes)
		return -EBADMSG;
	for (__u16 i = 0; i < kind->field_count; i++) {
		if (kind->fields[i].type == LOG_RECORD_WINDOW &&
		    log_record_number(&kind->fields[i], record) >= schema->head.window_count)
			return -EBADMSG;
	}
	return kind->kind == SLUICE_DISK_LATE_COUNT ? check_panes(record, body_bytes) : 0;
}
