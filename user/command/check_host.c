/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of `sluice check` that looks at the host: asks for what the configuration needs, prints
 * what was found. */
#include "command/check_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/text.h"
#include "command/command.h"
#include "edge/host/host.h"

static const struct {
	const char *name;
	const char *colour;
} levels[] = {
	[HOST_OK] = { "ok", "\033[32m" },
	[HOST_WARNING] = { "warning", "\033[33m" },
	[HOST_PROBLEM] = { "problem", "\033[31m" },
};

static void fill_request(const struct config *config, struct host_request *request)
{
	__u32 i;

	_Static_assert(HOST_INTERFACES_MAX >= SLUICE_LISTENERS_MAX, "one for each listener");
	memset(request, 0, sizeof(*request));
	for (i = 0; i < config->listener_count; i++) {
		const struct config_listener *listener = &config->listener[i];

		if (!listener->interface[0])
			continue;
		request->interface[request->interface_count++] = (struct host_interface){
			.name = listener->interface,
			.is_native_wanted = listener->mode == CONFIG_MODE_NATIVE,
			.is_generic_wanted = listener->mode == CONFIG_MODE_GENERIC,
			.is_consumed = listener->action == SLUICE_ACTION_CONSUME,
			.has_address = listener->has_address,
			.port = listener->port,
		};
	}
	request->state_dir = config->state_dir;
	request->disk_bytes = config->results_bytes_max;
	request->memory_bytes = config->memory_bytes;
	request->ring_bytes = config->listener[0].ring_bytes;
}

/* Paths and names may hold anything. */
static void print_line(const char *string)
{
	char buffer[8 * HOST_TEXT_BYTES];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	text_add_printable(&text, string);
	puts(buffer);
}

static void print_findings(const struct host_report *report)
{
	bool is_colour = command_is_colour(STDOUT_FILENO);
	__u32 i;

	printf("host\n");
	for (i = 0; i < report->count; i++) {
		const struct host_finding *finding = &report->finding[i];

		printf("  %s%-8s%s %-13s ", is_colour ? levels[finding->level].colour : "",
		       levels[finding->level].name, is_colour ? "\033[0m" : "", finding->check);
		print_line(finding->text);
		if (!finding->fix[0])
			continue;
		printf("  %-8s %-13s → ", "", "");
		print_line(finding->fix);
	}
}

static void print_quoted(const char *before, const char *string)
{
	char buffer[6 * HOST_TEXT_BYTES + 3];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	text_add_quoted(&text, string);
	printf("%s%s", before, buffer);
}

static void print_json_findings(const struct host_report *report)
{
	__u32 i;

	printf(",\"host\":[");
	for (i = 0; i < report->count; i++) {
		const struct host_finding *finding = &report->finding[i];

		print_quoted(i ? ",{\"check\":" : "{\"check\":", finding->check);
		printf(",\"level\":\"%s\"", levels[finding->level].name);
		print_quoted(",\"text\":", finding->text);
		print_quoted(",\"fix\":", finding->fix);
		printf("}");
	}
	printf("],\"exit_code\":%d", host_exit_code(report));
}

int check_host(const struct config *config, bool is_json, bool is_quiet)
{
	struct host_report *report = calloc(1, sizeof(*report));
	struct host_request request;
	int code;

	if (!report)
		return command_error(EX_OSERR, NULL, "out of memory");
	fill_request(config, &request);
	host_check(&request, report);
	if (is_json)
		print_json_findings(report);
	else if (!is_quiet)
		print_findings(report);
	code = host_exit_code(report);
	free(report);
	return code;
}
