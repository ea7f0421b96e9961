/* SPDX-License-Identifier: BSD-2-Clause */
/* Which build this is, and what it stands on. */
#include <stdio.h>

#include "build_info.h"
#include "command/commands.h"
#include "edge/host/host.h"
#include "sluice/disk_format.h"


static int run(const struct command_line *line)
{
	char libbpf[HOST_VERSION_BYTES], liburing[HOST_VERSION_BYTES];
	const char *format;

	host_library_versions(libbpf, liburing);
	if (command_option_given(line, "json"))
		format = "{\"version\":\"%s\",\"commit\":\"%s\",\"libbpf\":\"%s\","
			 "\"liburing\":\"%s\","
			 "\"wire\":%d,\"layout\":%d,\"disk\":\"%d.%d\"}\n";
	else
		format = "sluice %s (commit %s)\nlibbpf %s, liburing %s\n"
			 "wire format %d, map layout %d, disk format %d.%d\n";
	printf(format, SLUICE_RELEASE, SLUICE_COMMIT, libbpf, liburing, SLUICE_VERSION,
	       SLUICE_LAYOUT, SLUICE_DISK_MAJOR, SLUICE_DISK_MINOR);
	return EX_OK;
}

const struct command command_version = {
	.name = "version",
	.summary = "Prints the version, the commit, the libraries and the formats.",
	.common = COMMAND_JSON,
	.examples = "sluice version --json\n",
	.run = run,
};
