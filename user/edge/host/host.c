/* SPDX-License-Identifier: BSD-2-Clause */
/* The host check as a list of its parts, and what its findings amount to. */
#include "edge/host/host.h"

#include <bpf/libbpf.h>
#include <dlfcn.h>
#include <liburing.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/text.h"
#include "edge/host/host_parts.h"

struct host_finding *host_note(struct host_report *report, const char *check, enum host_level level,
			       int code, const char *format, ...)
{
	struct host_finding *finding;
	struct text text;
	va_list arguments;

	if (report->count < HOST_FINDINGS_MAX)
		report->count++;
	finding = &report->finding[report->count - 1];
	*finding = (struct host_finding){ .check = check, .level = level, .code = code };
	text_init(&text, finding->text, sizeof(finding->text));
	va_start(arguments, format);
	text_format_list(&text, format, arguments);
	va_end(arguments);
	return finding;
}

void host_fix(struct host_finding *finding, const char *format, ...)
{
	struct text text;
	va_list arguments;

	text_init(&text, finding->fix, sizeof(finding->fix));
	va_start(arguments, format);
	text_format_list(&text, format, arguments);
	va_end(arguments);
}

bool host_read_line(const char *path, char *out, unsigned int room)
{
	FILE *file = fopen(path, "re");
	bool is_read = file && fgets(out, (int)room, file);

	if (is_read)
		out[strcspn(out, "\n")] = '\0';
	if (file)
		fclose(file);
	return is_read;
}

bool host_has_capability(enum host_capability capability)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long long effective = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "CapEff:", 7) == 0)
			effective = strtoull(line + 7, NULL, 16);
	if (file)
		fclose(file);
	return effective >> capability & 1;
}

static const struct {
	enum host_capability capability;
	const char *name;
	const char *purpose;
} needed_capabilities[] = {
	{ HOST_CAP_BPF, "CAP_BPF", "to load the XDP program" },
	{ HOST_CAP_NET_ADMIN, "CAP_NET_ADMIN", "to attach it to an interface" },
};

static void check_capabilities(struct host_report *report)
{
	unsigned int i, missing = 0;

	for (i = 0; i < sizeof(needed_capabilities) / sizeof(needed_capabilities[0]); i++) {
		enum host_capability capability = needed_capabilities[i].capability;

		if (host_has_capability(capability) ||
		    (capability == HOST_CAP_BPF && host_has_capability(HOST_CAP_SYS_ADMIN)))
			continue;
		host_fix(
			host_note(report, "capabilities", HOST_PROBLEM, EX_NOPERM,
				  "%s is missing %s", needed_capabilities[i].name,
				  needed_capabilities[i].purpose),
			"run as root, or add AmbientCapabilities=CAP_BPF CAP_NET_ADMIN to the "
			 "unit");
		missing++;
	}
	if (!missing)
		host_note(report, "capabilities", HOST_OK, 0, "CAP_BPF and CAP_NET_ADMIN");
}

static int keep_quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

void host_check(const struct host_request *request, struct host_report *report)
{
	libbpf_print_fn_t print = libbpf_set_print(keep_quiet);

	report->count = 0;
	host_check_kernel(report);
	check_capabilities(report);
	host_check_bpf(report);
	host_check_io_uring(report);
	host_check_interfaces(request, report);
	host_check_traffic(request, report);
	host_check_memory(request, report);
	host_check_state_dir(request, report);
	host_check_agents(request, report);
	libbpf_set_print(print);
}

int host_exit_code(const struct host_report *report)
{
	static const int by_urgency[] = { EX_NOPERM, EX_OSERR, EX_UNAVAILABLE, EX_CANTCREAT,
					  EX_TEMPFAIL };
	unsigned int i;
	__u32 j;

	for (i = 0; i < sizeof(by_urgency) / sizeof(by_urgency[0]); i++)
		for (j = 0; j < report->count; j++)
			if (report->finding[j].level == HOST_PROBLEM &&
			    report->finding[j].code == by_urgency[i])
				return by_urgency[i];
	return EX_OK;
}

/* liburing 2.3 cannot be asked, but its file is named by its version. */
static void find_liburing_version(char *out)
{
	int (*function)(unsigned int, struct io_uring *, unsigned int) = io_uring_queue_init;
	char path[PATH_MAX];
	const char *suffix;
	void *address;
	Dl_info info;

	snprintf(out, HOST_VERSION_BYTES, "unknown");
	memcpy(&address, &function, sizeof(address));
	if (!dladdr(address, &info) || !realpath(info.dli_fname, path))
		return;
	suffix = strstr(path, "liburing.so.");
	if (suffix)
		snprintf(out, HOST_VERSION_BYTES, "%.*s", HOST_VERSION_BYTES - 1,
			 suffix + strlen("liburing.so."));
}

void host_library_versions(char *libbpf, char *liburing)
{
	const char *version = libbpf_version_string();

	snprintf(libbpf, HOST_VERSION_BYTES, "%s", version + (version[0] == 'v'));
	find_liburing_version(liburing);
}
