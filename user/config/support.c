/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of what this version can do. A feature that is built gets its first word turned to true
 * here, and nothing else in the configuration changes. */
#include "config/support.h"

const struct config_support config_support[CONFIG_FEATURES] = {
	[CONFIG_FEATURE_NONE] = { true, "nothing", "nothing" },
	[CONFIG_FEATURE_DURABILITY_LOG] = { false, "durability: log", "write `durability: none`" },
	[CONFIG_FEATURE_DURABILITY_CHECKPOINT] = { false, "durability: checkpoint",
						   "write `durability: none`" },
	[CONFIG_FEATURE_ACKNOWLEDGE] = { false, "acknowledging datagrams",
					 "write `acknowledge: none`" },
	[CONFIG_FEATURE_SOCKET] = { false, "mode: socket", "write `mode: auto`" },
	[CONFIG_FEATURE_STATSD] = { false, "format: statsd", "write `format: sluice`" },
	[CONFIG_FEATURE_SAMPLE] = { false, "action: sample", "write pass or drop" },
	[CONFIG_FEATURE_PREFIXES] = { false, "admitting sources by prefix",
				      "leave out allow and deny" },
	[CONFIG_FEATURE_SOURCE_RATE] = { false, "limiting the rate of a source",
					 "leave out rate, or write 0" },
	[CONFIG_FEATURE_SLIDING] = { true, "kind: sliding", "write `kind: tumbling`" },
	[CONFIG_FEATURE_SESSION] = { true, "kind: session", "write `kind: tumbling`" },
	[CONFIG_FEATURE_LATENESS] = { true, "allowed_lateness above 0s",
				      "leave it out; max_disorder is the time to wait" },
	[CONFIG_FEATURE_EARLY] = { true, "early above 0s", "leave it out" },
	[CONFIG_FEATURE_LATE_KEEP] = { true, "late: keep", "write `late: drop`" },
	[CONFIG_FEATURE_DEDUP] = { true, "dedup: event_id", "write `dedup: none`" },
	[CONFIG_FEATURE_FIRST] = { true, "the aggregate first", "leave it out" },
	[CONFIG_FEATURE_LAST] = { true, "the aggregate last", "leave it out" },
	[CONFIG_FEATURE_RATE] = { true, "the aggregate rate", "leave it out" },
	[CONFIG_FEATURE_DISTINCT] = { true, "the aggregate distinct", "leave it out" },
	[CONFIG_FEATURE_QUANTILES] = { true, "the aggregate quantiles", "leave it out" },
	[CONFIG_FEATURE_TOP] = { true, "the aggregate top", "leave it out" },
};

__u64 config_features_supported(void)
{
	__u64 features = 0;
	unsigned int i;

	for (i = 0; i < CONFIG_FEATURES; i++)
		if (config_support[i].is_supported)
			features |= 1ull << i;
	return features;
}
