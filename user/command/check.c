/* SPDX-License-Identifier: BSD-2-Clause */
/* sluice check: a configuration file is read; its mistakes, or what it means, come out. With --host
 * this host is looked at too. Nothing is started or changed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/log.h"
#include "base/units.h"
#include "command/check_host.h"
#include "command/commands.h"
#include "command/describe.h"
#include "config/memory.h"
#include "core/dedup/dedup_ids.h"
#include "edge/host/host.h"

#define WORDS_BYTES 2048

/* A path may hold anything. */
static const char *printable(char out[2 * WORDS_BYTES], const char *path)
{
	struct text text;

	text_init(&text, out, 2 * WORDS_BYTES);
	text_add_printable(&text, path);
	return out;
}

static void print_listener(const struct config_listener *listener)
{
	char buffer[WORDS_BYTES], ring[UNITS_BYTES_MAX];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	describe_address(&text, listener);
	printf("  %-14s UDP port %u of %s, %s; XDP mode %s; ring %s a CPU; %s\n", listener->name,
	       listener->port, listener->interface, buffer, describe_mode(listener->mode),
	       units_format_size(ring, listener->ring_bytes),
	       listener->action == SLUICE_ACTION_TAP ? "datagrams are copied and go on"
						     : "datagrams end here");
}

static void print_times(const struct window_spec *window)
{
	char disorder[UNITS_BYTES_MAX], lateness[UNITS_BYTES_MAX], early[UNITS_BYTES_MAX];

	printf("  %-14s closes %s behind the newest event", "",
	       units_format_duration(disorder, window->max_disorder_ns));
	if (window->allowed_lateness_ns)
		printf("; corrected for %s more",
		       units_format_duration(lateness, window->allowed_lateness_ns));
	if (window->early_ns)
		printf("; early rows every %s", units_format_duration(early, window->early_ns));
	if (window->late == WINDOW_LATE_KEEP)
		printf("; late events are kept");
	if (window->dedup == WINDOW_DEDUP_EVENT_ID)
		printf("; what repeats event_id and time counts once");
	printf("\n");
}

static void print_window(const struct config *config, __u32 i)
{
	const struct window_spec *window = &config->window[i];
	char buffer[WORDS_BYTES], total[UNITS_BYTES_MAX];
	struct config_memory memory;
	struct text text;
	__u64 groups;
	size_t bare;

	text_init(&text, buffer, sizeof(buffer));
	describe_kind(&text, window);
	text_add(&text, ": ");
	describe_aggregates(&text, config, window);
	text_add(&text, window->group_count ? " by " : " over ");
	describe_groups(&text, config, window);
	printf("  %-14s %s\n", window->name, buffer);
	text_cut(&text, 0);
	text_add(&text, "from ");
	describe_listeners(&text, config, window);
	bare = text.bytes;
	text_add(&text, "; where ");
	describe_where(&text, config, window);
	if (text.bytes == bare + strlen("; where "))
		text_cut(&text, bare);
	printf("  %-14s %s\n", "", buffer);
	print_times(window);
	config_memory_window(config, i, &memory);
	groups = memory.groups_max < config->groups_max ? memory.groups_max : config->groups_max;
	printf("  %-14s up to %llu group%s; "
	       "rows for %llu × (%llu panes × %llu + %llu bytes) = %s\n",
	       "", groups, groups == 1 ? "" : "s",
	       config_memory_rows(&memory, config->groups_max), memory.panes, memory.pane_bytes,
	       memory.group_bytes,
	       units_format_size_about(total, config_memory_bytes(&memory, config->groups_max)));
}

/* Ids that the set of each window holds: its lines are a power of two. */
static __u64 dedup_ids_least(const struct config *config)
{
	__u64 bytes = config_memory_dedup(config) / config_memory_dedup_windows(config);

	return (1ull << (63 - __builtin_clzll(bytes))) / DEDUP_IDS_BYTES_PER_ID;
}

static void print_bounds(const struct config *config)
{
	char used[UNITS_BYTES_MAX], limit[UNITS_BYTES_MAX], ring[UNITS_BYTES_MAX];
	char rings[UNITS_BYTES_MAX], disk[UNITS_BYTES_MAX], age[UNITS_BYTES_MAX];
	char path[2 * WORDS_BYTES];
	__u64 ring_bytes = config->listener[0].ring_bytes;
	int cpus = get_nprocs_conf();

	printf("memory\n  windows up to %s of %s; rings %s × %d CPUs = %s\n",
	       units_format_size_about(used, config_memory_total(config, config->groups_max)),
	       units_format_size(limit, config->memory_bytes), units_format_size(ring, ring_bytes),
	       cpus, units_format_size_about(rings, ring_bytes * (__u64)cpus));
	printf("  sources up to %s more: %u senders are followed one by one%s\n",
	       units_format_size_about(used, config_memory_sources(config)), config->sources_max,
	       config->sources_max < config->sources_wanted ? ", as many as fit" : "");
	if (config_memory_sketches(config))
		printf("  sketches up to %s more; one that finds no room there is null\n",
		       units_format_size_about(used, config_memory_sketches(config)));
	if (config_memory_dedup(config))
		printf("  event ids up to %s more: at least %llu of them in each of %u windows\n",
		       units_format_size_about(used, config_memory_dedup(config)),
		       dedup_ids_least(config), config_memory_dedup_windows(config));
	if (config->groups_max < config->groups_wanted)
		printf("  max_groups is %u, not the default of %u: more would not fit "
		       "limits.memory\n",
		       config->groups_max, config->groups_wanted);
	printf("disk\n  %s: results up to %s", printable(path, config->state_dir),
	       units_format_size(disk, config->results_bytes_max));
	if (config->results_age_max_ns)
		printf(" and %s", units_format_duration(age, config->results_age_max_ns));
	printf("\n");
	if (config->durability == CONFIG_DURABILITY_NONE)
		printf("durability\n  none: a crash loses the windows that are open\n");
}

static void print_config(const struct config *config)
{
	char path[2 * WORDS_BYTES];
	__u32 i, dropped = 0;

	printf("%s is valid\nlisteners\n", printable(path, config->path));
	for (i = 0; i < config->listener_count; i++)
		print_listener(&config->listener[i]);
	for (i = 0; i < config->rule_count; i++)
		if (config->rules[i].action == SLUICE_RULE_DROP)
			dropped += config->rules[i].type_count;
	if (config->filter_default == SLUICE_RULE_DROP)
		printf("filter\n  all types are dropped but those that a rule passes\n");
	else if (dropped)
		printf("filter\n  %u type%s dropped in the kernel\n", dropped,
		       dropped == 1 ? " is" : "s are");
	printf("windows\n");
	for (i = 0; i < config->window_count; i++)
		print_window(config, i);
	print_bounds(config);
}

static void print_quoted(const char *before, const char *string)
{
	char buffer[2 * WORDS_BYTES];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	text_add_quoted(&text, string);
	printf("%s%s", before, buffer);
}

static void print_json_number(const char *name, __s64 number)
{
	printf(",\"%s\":%lld", name, number);
}

/* Times in nanoseconds, those that the window's kind has. */
static void print_json_times(const struct window_spec *window)
{
	if (window->kind == SLUICE_WINDOW_SESSION) {
		print_json_number("gap_ns", window->gap_ns);
	} else {
		print_json_number("size_ns", window->size_ns);
		print_json_number("slide_ns", window->slide_ns);
	}
	print_json_number("max_disorder_ns", window->max_disorder_ns);
	print_json_number("allowed_lateness_ns", window->allowed_lateness_ns);
}

static void print_json_window(const struct config *config, __u32 i)
{
	const struct window_spec *window = &config->window[i];
	struct config_memory memory;
	char buffer[WORDS_BYTES];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	describe_kind(&text, window);
	print_quoted(i ? ",{\"name\":" : "{\"name\":", window->name);
	print_quoted(",\"window\":", buffer);
	print_json_times(window);
	printf(",\"aggregate\":[");
	for (unsigned int k = 0; k < window->aggregate_count; k++) {
		text_cut(&text, 0);
		describe_aggregate(&text, config, &window->aggregate[k]);
		print_quoted(k ? "," : "", buffer);
	}
	printf("],\"group_by\":[");
	for (unsigned int k = 0; k < window->group_count; k++)
		print_quoted(k ? "," : "", describe_group(config, window, k));
	text_cut(&text, 0);
	describe_where(&text, config, window);
	print_quoted("],\"where\":", buffer);
	config_memory_window(config, i, &memory);
	printf(",\"panes\":%llu,\"bytes\":%llu}", memory.panes,
	       config_memory_bytes(&memory, config->groups_max));
}

static void print_json_config(const struct config *config)
{
	char buffer[WORDS_BYTES];
	struct text text;
	__u32 i;

	print_quoted("{\"valid\":true,\"file\":", config->path);
	printf(",\"listeners\":[");
	for (i = 0; i < config->listener_count; i++) {
		const struct config_listener *listener = &config->listener[i];

		text_init(&text, buffer, sizeof(buffer));
		describe_address(&text, listener);
		print_quoted(i ? ",{\"name\":" : "{\"name\":", listener->name);
		print_quoted(",\"interface\":", listener->interface);
		print_quoted(",\"address\":", buffer);
		printf(",\"port\":%u,\"mode\":\"%s\",\"action\":\"%s\"}", listener->port,
		       describe_mode(listener->mode),
		       listener->action == SLUICE_ACTION_TAP ? "tap" : "consume");
	}
	printf("],\"windows\":[");
	for (i = 0; i < config->window_count; i++)
		print_json_window(config, i);
	printf("],\"max_groups\":%u,\"memory\":%llu,\"memory_limit\":%llu,\"sketches\":%llu,"
	       "\"dedup\":%llu,\"max_sources\":%u,\"sources\":%llu,\"ring_bytes\":%llu",
	       config->groups_max, config_memory_total(config, config->groups_max),
	       config->memory_bytes, config_memory_sketches(config), config_memory_dedup(config),
	       config->sources_max, config_memory_sources(config),
	       config->listener[0].ring_bytes);
	print_quoted(",\"state_dir\":", config->state_dir);
}

/* The mistakes as they are printed for people, one string each. */
static void print_json_mistakes(const char *path, char *mistakes)
{
	const char *separator = "";
	char *line, *next = mistakes;

	print_quoted("{\"valid\":false,\"file\":", path);
	printf(",\"errors\":[");
	while ((line = strsep(&next, "\n")) && *line) {
		printf("%s", separator);
		print_quoted("", line);
		separator = ",";
	}
	printf("]}\n");
}

/* A datagram that the MTU can bring and no ring can hold is lost each time. Only for interfaces
 * that are here. */
static __u32 write_ring_mistakes(const struct config *config, FILE *errors)
{
	char ring[UNITS_BYTES_MAX], least[UNITS_BYTES_MAX], path[2 * WORDS_BYTES];
	__u32 count = 0;

	for (__u32 i = 0; i < config->listener_count; i++) {
		const struct config_listener *listener = &config->listener[i];
		int mtu = host_read_mtu(listener->interface);
		__u64 needed =
			mtu > 0 ? host_ring_bytes_min((__u32)mtu, config->rule_count > 0) : 0;

		if (needed <= listener->ring_bytes)
			continue;
		fprintf(errors,
			"sluice: error: %s:%u:%u: ring_size: %s has no room for a datagram of %d "
			"bytes, which the MTU of %s (%d) can bring; write at least %s\n",
			printable(path, config->path), listener->ring_line, listener->ring_column,
			units_format_size(ring, listener->ring_bytes), host_payload_max((__u32)mtu),
			listener->interface, mtu, units_format_size(least, needed));
		count++;
	}
	return count;
}

static int load_and_judge(struct config **config, const char *path, FILE *errors)
{
	int error = config_load(config, path, errors);

	if (error || !write_ring_mistakes(*config, errors))
		return error;
	config_free(*config);
	return -EINVAL;
}

/* Reads the file; mistakes go to stderr, and with --json into the answer too. */
static int load(struct config **config, const char *path, bool is_json)
{
	char *mistakes = NULL;
	size_t bytes = 0;
	FILE *errors = open_memstream(&mistakes, &bytes);
	int error;

	if (!errors)
		return -ENOMEM;
	error = load_and_judge(config, path, errors);
	fclose(errors);
	if (error) {
		fputs(mistakes, stderr);
		if (is_json)
			print_json_mistakes(path, mistakes);
	}
	free(mistakes);
	return error;
}

/* Who may change the file decides what the agent, as root, does. */
static void warn_of_permissions(const char *path)
{
	struct stat status;

	if (stat(path, &status) == 0 && (status.st_mode & (S_IWOTH | S_IWGRP)))
		log_line(LOG_LEVEL_WARNING, "check",
			 "others than its owner can write the file; chmod go-w",
			 log_text("file", path));
}

static int run(const struct command_line *line)
{
	const char *path = command_option_text(line, "config");
	bool is_json = command_option_given(line, "json");
	struct config *config;
	int code = EX_OK, error;

	if (command_argument(line, 0)) {
		if (command_option_given(line, "config"))
			return command_error(EX_USAGE, NULL,
					     "name the file once, with -c or without");
		path = command_argument(line, 0);
	}
	error = load(&config, path, is_json);
	if (error == -EINVAL || error == -EFBIG)
		return EX_CONFIG;
	if (error)
		return error == -ENOENT || error == -EISDIR ? EX_CONFIG : command_exit_code(error);
	warn_of_permissions(path);
	if (is_json)
		print_json_config(config);
	else if (!command_option_given(line, "quiet"))
		print_config(config);
	if (command_option_given(line, "host"))
		code = check_host(config, is_json, command_option_given(line, "quiet"));
	if (is_json)
		printf("}\n");
	config_free(config);
	return code;
}

static const struct command_option options[] = {
	{ .name = "host",
	  .help = "look at this host too: kernel, capabilities, driver, memory, disk" },
	{ NULL },
};

const struct command command_check = {
	.name = "check",
	.summary = "Says what a configuration means, or every mistake with line, column and fix.",
	.common = COMMAND_CONFIG | COMMAND_JSON,
	.arguments = "[FILE]",
	.argument_max = 1,
	.options = options,
	.details =
		"FILE is the same as -c FILE; - is standard input. With -q the exit code and\n"
		"the mistakes are all there is. Exits 78 when the file has mistakes; a ring_size\n"
		"without room for what the MTU of an interface of this host can bring is one.\n"
		"With --host it says what run would say here: it exits 77 when a privilege or\n"
		"capability is missing, 71 when a kernel feature is, 69 when no interface is\n"
		"there and free, 75 when another agent runs on the state directory or the pinned\n"
		"maps; warnings change nothing. They tell what fits in the MTU, whose traffic\n"
		"would be taken, and which senders are not seen.\n",
	.examples = "sluice check sluice.yaml\nsudo sluice check -c sluice.yaml --host\n",
	.run = run,
};
