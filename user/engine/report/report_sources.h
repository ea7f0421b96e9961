/* SPDX-License-Identifier: BSD-2-Clause */
/* The senders, worst first, as a table or JSON. Looking at all of them is work of the control
 * thread, so a listing is kept and shown again until some time has passed. */
#ifndef SLUICE_ENGINE_REPORT_SOURCES_H
#define SLUICE_ENGINE_REPORT_SOURCES_H

#include <linux/types.h>

#include "base/text.h"

struct engine;

enum report_sources_form { REPORT_SOURCES_JSON, REPORT_SOURCES_TABLE, REPORT_SOURCES_COLOUR };

/* The worst `most` of them, as of about a second ago at most. */
void report_write_sources(struct engine *engine, struct text *out, enum report_sources_form form,
			  __u64 most);

#endif
