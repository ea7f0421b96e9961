/* SPDX-License-Identifier: BSD-2-Clause */
/* A configuration in words: what `sluice check` shows of a valid one. */
#ifndef SLUICE_COMMAND_DESCRIBE_H
#define SLUICE_COMMAND_DESCRIBE_H

#include "base/text.h"
#include "config/config.h"

/* "192.0.2.1", "any address" */
void describe_address(struct text *text, const struct config_listener *listener);

/* "tumbling, 10s", "session, gap 30s" */
void describe_kind(struct text *text, const struct window_spec *window);

/* "type, region", "one group" */
void describe_groups(struct text *text, const struct config *config,
		     const struct window_spec *window);

/* "count, distinct(key), quantiles(value; 0.5, 0.99)" */
void describe_aggregates(struct text *text, const struct config *config,
			 const struct window_spec *window);

/* One of each: "region"; "distinct(key)" */
const char *describe_group(const struct config *config, const struct window_spec *window,
			   unsigned int place);
void describe_aggregate(struct text *text, const struct config *config,
			const struct sluice_schema_aggregate *aggregate);

/* "all listeners", "edge, lan" */
void describe_listeners(struct text *text, const struct config *config,
			const struct window_spec *window);

/* "" without conditions, else "types page_view, 7; region 1, 2; value 0 to 100" */
void describe_where(struct text *text, const struct config *config,
		    const struct window_spec *window);

/* "auto", "native" … */
const char *describe_mode(enum config_mode mode);

#endif
