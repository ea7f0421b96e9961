/* SPDX-License-Identifier: BSD-2-Clause */
/* The senders, worst first, as a table or JSON. Looking at all of them is work of the control
 * thread, so a listing is kept and shown again until some time has passed. */
#ifndef SLUICE_ENGINE_REPORT_SOURCES_H
#define SLUICE_ENGINE_REPORT_SOURCES_H

#include "base/text.h"
#include "core/sources.h"

struct engine;

/* At 300 bytes each they fit an answer of the admin socket. */
#define REPORT_SOURCES_MAX 10000u

struct report_sources {
	__u64 taken_mono_ns;
	__s64 taken_wall_ns;
	__u64 next_mono_ns;		/* not taken again before */
	__u32 count;
	struct source_entry *entry;	/* REPORT_SOURCES_MAX; NULL until it is asked for */
};

enum report_sources_form { REPORT_SOURCES_JSON, REPORT_SOURCES_TABLE, REPORT_SOURCES_COLOUR };

/* The worst `most` of them, as of about a second ago at most. */
void report_write_sources(struct engine *engine, struct text *out, enum report_sources_form form,
			  __u64 most);
void report_sources_close(struct report_sources *listed);

#endif
