/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables of the configuration: one row a key, no code. */
#include "config/schema.h"

#include <stdint.h>

#include "config/config.h"
#include "config/reader.h"

#define MS 1000000ll
#define SECOND (1000 * MS)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define YEAR (366 * DAY)
#define KIB 1024ull
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)

#define IN(type, member) .offset = offsetof(struct type, member)
#define RANGE(least, most) .min = (least), .max = (most)

const char *schema_type_name(enum schema_type type)
{
	static const char *const names[SCHEMA_TYPES] = {
		[SCHEMA_NAME] = "name",		 [SCHEMA_INTERFACE] = "interface",
		[SCHEMA_PATH] = "absolute path", [SCHEMA_NUMBER] = "number",
		[SCHEMA_PORT] = "port",		 [SCHEMA_SIGNED] = "number",
		[SCHEMA_SIZE] = "size",		 [SCHEMA_DURATION] = "duration",
		[SCHEMA_RATE] = "rate",		 [SCHEMA_CHOICE] = "value",
		[SCHEMA_SECTION] = "map",	 [SCHEMA_LIST] = "list of maps",
		[SCHEMA_CUSTOM] = "list or map",
	};

	return names[type];
}

static const struct schema_choice worker_choices[] = { { "auto", 0 }, { NULL } };

static const struct schema_choice durability_choices[] = {
	{ "log", CONFIG_DURABILITY_LOG, CONFIG_FEATURE_DURABILITY_LOG },
	{ "checkpoint", CONFIG_DURABILITY_CHECKPOINT, CONFIG_FEATURE_DURABILITY_CHECKPOINT },
	{ "none", CONFIG_DURABILITY_NONE },
	{ NULL },
};

static const struct schema_choice mode_choices[] = {
	{ "auto", CONFIG_MODE_AUTO },
	{ "native", CONFIG_MODE_NATIVE },
	{ "generic", CONFIG_MODE_GENERIC },
	{ "socket", CONFIG_MODE_SOCKET, CONFIG_FEATURE_SOCKET },
	{ NULL },
};

static const struct schema_choice format_choices[] = {
	{ "sluice", CONFIG_FORMAT_SLUICE },
	{ "statsd", CONFIG_FORMAT_STATSD, CONFIG_FEATURE_STATSD },
	{ NULL },
};

static const struct schema_choice action_choices[] = {
	{ "consume", SLUICE_ACTION_CONSUME },
	{ "tap", SLUICE_ACTION_TAP },
	{ NULL },
};

static const struct schema_choice checksum_choices[] = {
	{ "on", CONFIG_CHECKSUM_ON },
	{ "off", CONFIG_CHECKSUM_OFF },
	{ NULL },
};

static const struct schema_choice acknowledge_choices[] = {
	{ "none", CONFIG_ACKNOWLEDGE_NONE },
	{ "received", CONFIG_ACKNOWLEDGE_RECEIVED, CONFIG_FEATURE_ACKNOWLEDGE },
	{ "durable", CONFIG_ACKNOWLEDGE_DURABLE, CONFIG_FEATURE_ACKNOWLEDGE },
	{ NULL },
};

static const struct schema_choice default_choices[] = {
	{ "pass", SLUICE_RULE_PASS },
	{ "drop", SLUICE_RULE_DROP },
	{ NULL },
};

static const struct schema_choice rule_choices[] = {
	{ "pass", SLUICE_RULE_PASS },
	{ "drop", SLUICE_RULE_DROP },
	{ "sample", CONFIG_RULE_SAMPLE, CONFIG_FEATURE_SAMPLE },
	{ NULL },
};

static const struct schema_choice kind_choices[] = {
	{ "tumbling", SLUICE_WINDOW_TUMBLING },
	{ "sliding", SLUICE_WINDOW_SLIDING, CONFIG_FEATURE_SLIDING },
	{ "session", SLUICE_WINDOW_SESSION, CONFIG_FEATURE_SESSION },
	{ NULL },
};

static const struct schema_choice late_choices[] = {
	{ "drop", WINDOW_LATE_DROP },
	{ "keep", WINDOW_LATE_KEEP, CONFIG_FEATURE_LATE_KEEP },
	{ NULL },
};

static const struct schema_choice dedup_choices[] = {
	{ "none", WINDOW_DEDUP_NONE },
	{ "event_id", WINDOW_DEDUP_EVENT_ID, CONFIG_FEATURE_DEDUP },
	{ NULL },
};

static const struct schema_choice compression_choices[] = {
	{ "none", CONFIG_COMPRESSION_NONE },
	{ "lz4", CONFIG_COMPRESSION_LZ4 },
	{ NULL },
};

static const struct schema_key listener_keys[] = {
	{ "name", SCHEMA_NAME, NULL, IN(config_listener, name),
	  .help = "what windows call this listener; the interface's name when absent" },
	{ "interface", SCHEMA_INTERFACE, NULL, IN(config_listener, interface),
	  .help = "network interface whose packets are seen; required but in socket mode" },
	{ "mode", SCHEMA_CHOICE, "auto", IN(config_listener, mode), .choices = mode_choices,
	  .help = "how to attach: native needs driver support, auto falls back to generic" },
	{ "address", SCHEMA_CUSTOM, "0.0.0.0", .read = reader_read_address,
	  .help = "destination address of datagrams; 0.0.0.0 or :: is any, of either family" },
	{ "port", SCHEMA_PORT, "9125", RANGE(1, 65535), IN(config_listener, port),
	  .help = "UDP destination port" },
	{ "format", SCHEMA_CHOICE, "sluice", IN(config_listener, format), .choices = format_choices,
	  .help = "what the datagrams hold" },
	{ "action", SCHEMA_CHOICE, "consume", IN(config_listener, action),
	  .choices = action_choices,
	  .help = "consume ends the packet here; tap lets it go on to the host's own daemon" },
	{ "checksum", SCHEMA_CHOICE, "on", IN(config_listener, checksum),
	  .choices = checksum_choices,
	  .help = "whether a wrong UDP checksum refuses a datagram; off is faster, and takes "
		  "flipped bits for true" },
	{ "ring_size", SCHEMA_SIZE, "16MiB", RANGE(SLUICE_RING_BYTES_MIN, SLUICE_RING_BYTES_MAX),
	  IN(config_listener, ring_bytes),
	  .help = "ring of each CPU, a power of two; all listeners share the rings" },
	{ "acknowledge", SCHEMA_CHOICE, "none", IN(config_listener, acknowledge),
	  .choices = acknowledge_choices, .help = "which answers senders may ask for" },
	{ NULL },
};

static const struct schema_section listener_section = { "a listener", listener_keys,
							reader_finish_listener };

static const struct schema_key rate_keys[] = {
	{ "per_source", SCHEMA_RATE, "0", RANGE(0, 1000000000000ull), IN(config, source_rate),
	  .feature = CONFIG_FEATURE_SOURCE_RATE,
	  .help = "events per second a source may send; 0 is unlimited" },
	{ "burst", SCHEMA_NUMBER, "0", RANGE(0, UINT32_MAX), IN(config, source_burst),
	  .feature = CONFIG_FEATURE_SOURCE_RATE,
	  .help = "events a source may send at once; 0 is the rate of one second" },
	{ NULL },
};

static const struct schema_section rate_section = { "rate", rate_keys };

static const struct schema_key source_keys[] = {
	{ "allow", SCHEMA_CUSTOM, "[0.0.0.0/0, \"::/0\"]", .read = reader_read_allow,
	  .feature = CONFIG_FEATURE_PREFIXES,
	  .help = "prefixes of sender addresses that are let in; the longest match decides" },
	{ "deny", SCHEMA_CUSTOM, "[]", .read = reader_read_deny,
	  .feature = CONFIG_FEATURE_PREFIXES,
	  .help = "prefixes of sender addresses that are kept out" },
	{ "rate", SCHEMA_SECTION, NULL, .section = &rate_section, .help = "limit of each source" },
	{ NULL },
};

static const struct schema_section source_section = { "sources", source_keys,
						      reader_finish_sources };

static const struct schema_key rule_keys[] = {
	{ "types", SCHEMA_CUSTOM, NULL, .missing = "add the event types it is for: `types: [7]`",
	  .read = reader_read_rule_types, .help = "event types by number or configured name" },
	{ "action", SCHEMA_CHOICE, NULL, .missing = "add `action: drop` or `action: pass`",
	  IN(config_rule, action), .choices = rule_choices,
	  .help = "what becomes of their events" },
	{ "keep", SCHEMA_CUSTOM, NULL, .read = reader_read_rule_keep,
	  .feature = CONFIG_FEATURE_SAMPLE,
	  .help = "with action sample: the share that is kept, as 1/16" },
	{ NULL },
};

static const struct schema_section rule_section = { "a rule", rule_keys, reader_finish_rule };

static const struct schema_key filter_keys[] = {
	{ "default", SCHEMA_CHOICE, "pass", IN(config, filter_default), .choices = default_choices,
	  .help = "what becomes of events that no rule names" },
	{ "rules", SCHEMA_LIST, "[]", .section = &rule_section, .add = reader_add_rule,
	  .help = "decisions by event type, taken in the kernel; a type belongs to one rule" },
	{ NULL },
};

static const struct schema_section filter_section = { "filter", filter_keys };

static const struct schema_key name_keys[] = {
	{ "types", SCHEMA_CUSTOM, "{}", .read = reader_read_type_names,
	  .help = "names of event types, as 1: page_view" },
	{ "dims", SCHEMA_CUSTOM, "[]", .read = reader_read_dim_names,
	  .help = "names of dim0 to dim3, in order" },
	{ NULL },
};

static const struct schema_section name_section = { "names", name_keys };

static const struct schema_key time_keys[] = {
	{ "max_ahead", SCHEMA_DURATION, "10s", RANGE(0, YEAR), IN(config, max_ahead_ns),
	  .help = "events further ahead of their arrival are refused, so that no wrong clock "
		  "closes "
		  "windows" },
	{ "idle_timeout", SCHEMA_DURATION, "5s", RANGE(10 * MS, DAY), IN(config, idle_timeout_ns),
	  .help = "a source silent for this long no longer holds windows open" },
	{ "max_lag", SCHEMA_DURATION, "60s", RANGE(10 * MS, YEAR), IN(config, max_lag_ns),
	  .help = "a source this far behind the newest one no longer holds windows open" },
	{ "tick", SCHEMA_DURATION, "50ms", RANGE(1 * MS, 10 * SECOND), IN(config, tick_ns),
	  .help = "how often watermarks move and windows close" },
	{ NULL },
};

static const struct schema_section time_section = { "time", time_keys };

static const struct schema_key where_value_keys[] = {
	{ "min", SCHEMA_SIGNED, "-9223372036854775808", IN(window_where, value_min),
	  .help = "least value taken" },
	{ "max", SCHEMA_SIGNED, "9223372036854775807", IN(window_where, value_max),
	  .help = "largest value taken" },
	{ NULL },
};

const struct schema_section schema_where_value = { "value", where_value_keys };

static const struct schema_key window_keys[] = {
	{ "name", SCHEMA_NAME, NULL, .missing = "add `name: clicks`", IN(window_spec, name),
	  .help = "identity of the window in results and queries" },
	{ "from", SCHEMA_CUSTOM, NULL, .read = reader_read_from,
	  .help = "listeners it reads; all when absent" },
	{ "kind", SCHEMA_CHOICE, "tumbling", IN(window_spec, kind), .choices = kind_choices,
	  .help = "tumbling windows follow each other, sliding ones overlap, sessions end after a "
		  "gap" },
	{ "size", SCHEMA_DURATION, NULL, RANGE(1 * MS, YEAR), IN(window_spec, size_ns),
	  .help = "length of a tumbling or sliding window; required there" },
	{ "slide", SCHEMA_DURATION, NULL, RANGE(1 * MS, YEAR), IN(window_spec, slide_ns),
	  .help = "distance of sliding windows, at most the size; required there" },
	{ "offset", SCHEMA_DURATION, "0s", RANGE(0, YEAR), IN(window_spec, offset_ns),
	  .help = "shift of the window starts from the Unix epoch, less than size or slide" },
	{ "gap", SCHEMA_DURATION, NULL, RANGE(1 * MS, DAY), IN(window_spec, gap_ns),
	  .help = "a session ends when nothing comes for longer; required there" },
	{ "max_duration", SCHEMA_DURATION, "0s", RANGE(0, YEAR), IN(window_spec, max_duration_ns),
	  .help = "longest session; 0s is unlimited" },
	{ "where", SCHEMA_CUSTOM, "{}", .read = reader_read_where,
	  .help = "which events count: {types: […], FIELD: […], value: {min: N, max: N}}, all of "
		  "it" },
	{ "group_by", SCHEMA_CUSTOM, "[]", .read = reader_read_group_by,
	  .help = "fields whose values make the groups: tenant, source, type, key, dim0 to dim3 or "
		  "their names" },
	{ "aggregate", SCHEMA_CUSTOM, "[count]", .read = reader_read_aggregates,
	  .help = "count, records, sum, min, max, avg, first, last, rate, \"distinct(key)\", "
		  "\"quantiles(value; 0.5, 0.99)\", \"top(key, 10)\"" },
	{ "max_disorder", SCHEMA_DURATION, "2s", RANGE(0, DAY), IN(window_spec, max_disorder_ns),
	  .help = "how far events may be out of order before a window closes without them" },
	{ "allowed_lateness", SCHEMA_DURATION, "0s", RANGE(0, YEAR),
	  IN(window_spec, allowed_lateness_ns),
	  .help = "how long a closed window is still corrected by late events" },
	{ "early", SCHEMA_DURATION, "0s", RANGE(0, DAY), IN(window_spec, early_ns),
	  .help = "interval of early rows of open windows; 0s is never" },
	{ "late", SCHEMA_CHOICE, "drop", IN(window_spec, late), .choices = late_choices,
	  .help = "events later than allowed: counted and dropped, or kept in the results log" },
	{ "dedup", SCHEMA_CHOICE, "none", IN(window_spec, dedup), .choices = dedup_choices,
	  .help = "event_id: what comes again with the same event_id and time counts once" },
	{ NULL },
};

static const struct schema_section window_section = { "a window", window_keys,
						      reader_finish_window };

static const struct schema_key event_log_keys[] = {
	{ "max_bytes", SCHEMA_SIZE, "8GiB", RANGE(16 * MIB, 1024 * TIB),
	  IN(config, events_bytes_max), .help = "the oldest segments are removed beyond this" },
	{ "max_age", SCHEMA_DURATION, "24h", RANGE(0, 100 * YEAR), IN(config, events_age_max_ns),
	  .help = "segments older than this are removed; 0s is never" },
	{ "compression", SCHEMA_CHOICE, "lz4", IN(config, events_compression),
	  .choices = compression_choices, .help = "of each batch" },
	{ "commit_interval", SCHEMA_DURATION, "5ms", RANGE(1 * MS, 10 * SECOND),
	  IN(config, events_commit_interval_ns),
	  .help = "longest time before what came is on disk" },
	{ NULL },
};

static const struct schema_section event_log_section = { "event_log", event_log_keys };

static const struct schema_key results_log_keys[] = {
	{ "max_bytes", SCHEMA_SIZE, "2GiB", RANGE(16 * MIB, 1024 * TIB),
	  IN(config, results_bytes_max), .help = "the oldest segments are removed beyond this" },
	{ "max_age", SCHEMA_DURATION, "168h", RANGE(0, 100 * YEAR), IN(config, results_age_max_ns),
	  .help = "segments older than this are removed; 0s is never" },
	{ "segment_size", SCHEMA_SIZE, "128MiB", RANGE(4 * MIB, 16 * GIB),
	  IN(config, results_segment_bytes),
	  .help = "length of a segment, preallocated; at most a quarter of max_bytes" },
	{ "commit_interval", SCHEMA_DURATION, "5ms", RANGE(1 * MS, 10 * SECOND),
	  IN(config, results_commit_interval_ns), .help = "longest time before a row is on disk" },
	{ NULL },
};

static const struct schema_section results_log_section = { "results_log", results_log_keys,
							   reader_finish_results };

static const struct schema_key limit_keys[] = {
	{ "max_groups", SCHEMA_NUMBER, "1000000", RANGE(1, 1u << 30), IN(config, groups_wanted),
	  .help = "groups of a window before new ones fold into __overflow__; the default is less "
		  "where memory demands it" },
	{ "max_sources", SCHEMA_NUMBER, "65536", RANGE(1, 1u << 24), IN(config, sources_wanted),
	  .help = "senders whose clocks are followed one by one" },
	{ "memory", SCHEMA_SIZE, "2GiB", RANGE(16 * MIB, 16 * TIB), IN(config, memory_bytes),
	  .help = "for the groups of all windows" },
	{ "dedup_memory", SCHEMA_SIZE, "256MiB", RANGE(1 * MIB, 8 * TIB), IN(config, dedup_wanted),
	  .help = "of memory, for the ids of all windows with dedup: event_id, 16 bytes an id; the "
		  "default is at most a quarter of memory" },
	{ NULL },
};

static const struct schema_section limit_section = { "limits", limit_keys };

static const struct schema_key admin_keys[] = {
	{ "socket", SCHEMA_PATH, "/run/sluice/sluice.sock", RANGE(0, CONFIG_SOCKET_MAX),
	  IN(config, admin_socket), .help = "unix socket that `sluice status` talks to" },
	{ NULL },
};

static const struct schema_section admin_section = { "admin", admin_keys };

/* Read in this order: names before whoever uses them, listeners before windows. */
static const struct schema_key root_keys[] = {
	{ "state_dir", SCHEMA_PATH, "/var/lib/sluice", RANGE(0, CONFIG_STATE_DIR_MAX),
	  IN(config, state_dir), .help = "directory of everything that is kept" },
	{ "workers", SCHEMA_NUMBER, "auto", RANGE(1, SLUICE_WORKERS_MAX), IN(config, workers),
	  .choices = worker_choices, .help = "threads; auto is one for every two CPUs" },
	{ "durability", SCHEMA_CHOICE, NULL,
	  .missing =
		  "this version keeps open windows in memory only and loses them in a crash; write "
		  "`durability: none` to accept that",
	  IN(config, durability), .choices = durability_choices,
	  .help = "what survives a crash; required, because the default of later versions, log, is "
		  "not in this one" },
	{ "names", SCHEMA_SECTION, NULL, .section = &name_section,
	  .help = "what rows print instead of numbers" },
	{ "listen", SCHEMA_LIST, NULL, .missing = "add a listener: `listen: [{interface: eth0}]`",
	  .section = &listener_section, .add = reader_add_listener,
	  .help = "where datagrams come from" },
	{ "sources", SCHEMA_SECTION, NULL, .section = &source_section, .help = "who may send" },
	{ "filter", SCHEMA_SECTION, NULL, .section = &filter_section,
	  .help = "which events are dropped in the kernel" },
	{ "time", SCHEMA_SECTION, NULL, .section = &time_section,
	  .help = "which clocks are believed, and when windows close" },
	{ "windows", SCHEMA_LIST, NULL,
	  .missing = "add a window: `windows: [{name: clicks, size: 10s}]`",
	  .section = &window_section, .add = reader_add_window, .help = "what is computed" },
	{ "event_log", SCHEMA_SECTION, NULL, .section = &event_log_section,
	  .feature = CONFIG_FEATURE_DURABILITY_LOG,
	  .help = "the log of accepted datagrams; not written with durability none" },
	{ "results_log", SCHEMA_SECTION, NULL, .section = &results_log_section,
	  .help = "the log of rows" },
	{ "limits", SCHEMA_SECTION, NULL, .section = &limit_section, .help = "bounds" },
	{ "admin", SCHEMA_SECTION, NULL, .section = &admin_section,
	  .help = "the socket of a running agent" },
	{ NULL },
};

const struct schema_section schema_root = { "the configuration", root_keys, reader_finish_root };
