/* SPDX-License-Identifier: BSD-2-Clause */
/* The host check, part other agents: who holds the state directory or the pinned maps that a start
 * with this configuration would want. It takes no lock of theirs. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sysexits.h>

#include "edge/host/host_parts.h"
#include "edge/store/store.h"
#include "sluice/limits.h"

/* Who has locked a file or directory, as /proc/locks tells; 0: nobody that can be seen. */
static int lock_holder(const char *path)
{
	char line[256], wanted[64];
	struct stat status;
	FILE *file;
	int pid = 0;

	if (stat(path, &status) != 0)
		return 0;
	snprintf(wanted, sizeof(wanted), " %02x:%02x:%lu ", major(status.st_dev),
		 minor(status.st_dev), (unsigned long)status.st_ino);
	file = fopen("/proc/locks", "re");
	while (file && !pid && fgets(line, sizeof(line), file))
		if (strstr(line, wanted) && !strstr(line, "->"))
			sscanf(line, "%*d: %*s %*s %*s %d", &pid);
	if (file)
		fclose(file);
	return pid;
}

/* Processes of other namespaces have no number here. */
static void note_holder(struct host_report *report, const char *what, int pid)
{
	char who[32] = "";

	if (pid > 0)
		snprintf(who, sizeof(who), " with pid %d", pid);
	host_fix(host_note(report, "agent", HOST_PROBLEM, EX_TEMPFAIL,
			   "%s is in use by the agent%s: another one does not start", what, who),
		 "stop that agent first, or give this one a state_dir and a host of its own");
}

void host_check_agents(const struct host_request *request, struct host_report *report)
{
	char path[PATH_MAX];
	int store, pins = lock_holder(SLUICE_PIN_DIR);

	snprintf(path, sizeof(path), "%s/" STORE_LOCK, request->state_dir);
	store = lock_holder(path);
	if (store)
		note_holder(report, request->state_dir, store);
	if (pins && pins != store)
		note_holder(report, SLUICE_PIN_DIR, pins);
	if (!store && !pins)
		host_note(report, "agent", HOST_OK, 0, "none runs on %s or " SLUICE_PIN_DIR,
			  request->state_dir);
}
