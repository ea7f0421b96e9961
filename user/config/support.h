/* SPDX-License-Identifier: BSD-2-Clause */
/* What the configuration can say and this version can do: one row a feature. The file is parsed and
 * checked in full either way; what is not supported is refused by name and position. */
#ifndef SLUICE_CONFIG_SUPPORT_H
#define SLUICE_CONFIG_SUPPORT_H

#include <stdbool.h>

#include <linux/types.h>

enum config_feature {
	CONFIG_FEATURE_NONE,		/* needs nothing */
	CONFIG_FEATURE_DURABILITY_LOG,
	CONFIG_FEATURE_DURABILITY_CHECKPOINT,
	CONFIG_FEATURE_ACKNOWLEDGE,
	CONFIG_FEATURE_SOCKET,
	CONFIG_FEATURE_STATSD,
	CONFIG_FEATURE_SAMPLE,
	CONFIG_FEATURE_PREFIXES,
	CONFIG_FEATURE_SOURCE_RATE,
	CONFIG_FEATURE_SLIDING,
	CONFIG_FEATURE_SESSION,
	CONFIG_FEATURE_LATENESS,
	CONFIG_FEATURE_EARLY,
	CONFIG_FEATURE_LATE_KEEP,
	CONFIG_FEATURE_DEDUP,
	CONFIG_FEATURE_FIRST,
	CONFIG_FEATURE_LAST,
	CONFIG_FEATURE_RATE,
	CONFIG_FEATURE_DISTINCT,
	CONFIG_FEATURE_QUANTILES,
	CONFIG_FEATURE_TOP,
	CONFIG_FEATURES
};

#define CONFIG_FEATURES_ALL ((1ull << CONFIG_FEATURES) - 1)

struct config_support {
	bool is_supported;
	const char *what;	/* as in "… is not in this version" */
	const char *instead;	/* what to write */
};

extern const struct config_support config_support[CONFIG_FEATURES];

/* Bit by feature: what the table says. */
__u64 config_features_supported(void);

#endif
