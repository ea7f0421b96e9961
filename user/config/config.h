/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration as the rest of the agent sees it: plain numbers in base units (bytes,
 * nanoseconds, events), every default filled in, every name resolved. Made by config_load(), never
 * changed after. */
#ifndef SLUICE_CONFIG_CONFIG_H
#define SLUICE_CONFIG_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "sluice/bpf_config.h"
#include "config/support.h"
#include "core/window_spec.h"

#define CONFIG_INTERFACE_MAX 16		/* IFNAMSIZ */
#define CONFIG_SOCKET_MAX 108		/* sizeof sun_path */
#define CONFIG_STATE_DIR_MAX (PATH_MAX - 128)	/* names below it still make a path */
#define CONFIG_PREFIXES_MAX 64
#define CONFIG_TYPE_NAMES_MAX 4096
#define CONFIG_FILE_BYTES_MAX (1u << 20)

enum config_mode { CONFIG_MODE_AUTO, CONFIG_MODE_NATIVE, CONFIG_MODE_GENERIC, CONFIG_MODE_SOCKET };
enum config_format { CONFIG_FORMAT_SLUICE, CONFIG_FORMAT_STATSD };
enum config_durability {
	CONFIG_DURABILITY_NONE,
	CONFIG_DURABILITY_CHECKPOINT,
	CONFIG_DURABILITY_LOG,
};
enum config_compression { CONFIG_COMPRESSION_NONE, CONFIG_COMPRESSION_LZ4 };
enum config_acknowledge {
	CONFIG_ACKNOWLEDGE_NONE,
	CONFIG_ACKNOWLEDGE_RECEIVED,
	CONFIG_ACKNOWLEDGE_DURABLE,
};

enum config_checksum { CONFIG_CHECKSUM_ON, CONFIG_CHECKSUM_OFF };

/* An action of struct config_rule beside enum sluice_rule. */
#define CONFIG_RULE_SAMPLE 2

struct config_listener {
	char name[SLUICE_NAME_MAX + 1];
	char interface[CONFIG_INTERFACE_MAX];
	enum config_mode mode;
	bool has_address;
	__u8 address[16];		/* as in struct sluice_listener; unset for 0.0.0.0 and :: */
	__u16 port;
	enum config_format format;
	enum sluice_action action;
	enum config_checksum checksum;
	__u64 ring_bytes;		/* per CPU; a power of two, the same for all listeners */
	__u32 ring_line, ring_column;	/* where the file says so, or the listener begins */
	enum config_acknowledge acknowledge;
	bool is_retired;		/* of an agent before only; never set by config_load() */
};

struct config_rule {
	__u32 type_count;
	__u16 *types;			/* owned by the config */
	enum sluice_rule action;	/* or CONFIG_RULE_SAMPLE */
	__u32 keep_divisor;		/* with CONFIG_RULE_SAMPLE: one in this many is kept */
};

/* A range of source addresses: IPv6, or IPv4 mapped (then bits is 96 or more). */
struct config_prefix {
	__u8 address[16];
	__u8 bits;
};

struct config_prefixes {
	__u32 count;
	struct config_prefix prefix[CONFIG_PREFIXES_MAX];
};

struct config_name {
	__u64 id;
	char name[SLUICE_NAME_MAX + 1];
};

struct config {
	char path[PATH_MAX];
	char state_dir[PATH_MAX];
	__u32 workers;			/* 0: auto, one for every two CPUs, at least 1 */
	enum config_durability durability;
	__u32 listener_count;
	struct config_listener listener[SLUICE_LISTENERS_MAX];
	struct config_prefixes allow;
	struct config_prefixes deny;
	__u64 source_rate;		/* events per second and source; 0: unlimited */
	__u32 source_burst;
	enum sluice_rule filter_default;
	__u32 rule_count;
	struct config_rule *rules;	/* the first that names a type decides */
	__u32 type_name_count;
	struct config_name *type_names;
	char dim_name[4][SLUICE_NAME_MAX + 1];	/* "" where not configured */
	__u32 window_count;
	struct window_spec window[SLUICE_WINDOWS_MAX];
	__s64 max_ahead_ns;
	__s64 idle_timeout_ns;
	__s64 max_lag_ns;
	__s64 tick_ns;
	__u64 results_bytes_max;
	__s64 results_age_max_ns;
	__u64 results_segment_bytes;	/* preallocated length of a segment */
	__s64 results_commit_interval_ns;
	__u64 events_bytes_max;		/* the event log; unused with CONFIG_DURABILITY_NONE */
	__s64 events_age_max_ns;
	enum config_compression events_compression;
	__s64 events_commit_interval_ns;
	__u32 groups_max;		/* per window; what fits memory_bytes */
	__u32 groups_wanted;		/* as written or by default, before it was reduced */
	__u32 sources_max;		/* what fits a part of memory_bytes */
	__u32 sources_wanted;		/* as written or by default, before it was reduced */
	__u64 memory_bytes;
	__u64 dedup_bytes;		/* of these, for ids of windows that dedup */
	__u64 dedup_wanted;		/* as written or by default, before it was reduced */
	char admin_socket[CONFIG_SOCKET_MAX];
};

/* Reads and checks the file. Every mistake found is written to `errors` as
 * "sluice: error: FILE:LINE:COL: what is wrong; how to fix it\n". Returns 0, -EINVAL when the
 * file has mistakes, or another -errno when it cannot be read. *config is set only on success. */
int config_load(struct config **config, const char *path, FILE *errors);

/* The same from memory; `path` is only named in messages. */
int config_load_text(struct config **config, const char *text, size_t bytes, const char *path,
		     FILE *errors);

/* The same for any set of features (bit i: enum config_feature), whatever this version supports. */
int config_load_features(struct config **config, const char *text, size_t bytes, const char *path,
			 __u64 features, FILE *errors);

/* The path that stands for standard input. */
#define CONFIG_STANDARD_INPUT "-"

/* Reads a whole regular file of at most CONFIG_FILE_BYTES_MAX, and waits for nobody but who writes
 * to standard input; *text is the caller's to free. -EFBIG when it is larger, -EISDIR, -EINVAL when
 * it is neither file nor directory, other -errno. */
int config_read_file(const char *path, char **text, size_t *bytes);

/* Takes NULL. */
void config_free(struct config *config);

#endif
