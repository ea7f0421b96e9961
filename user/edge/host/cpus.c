/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's list of present CPUs, a line of numbers and ranges, as one flag each. */
#include "edge/host/cpus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#define PRESENT_PATH "/sys/devices/system/cpu/present"

int cpus_parse(const char *text, struct cpus *cpus)
{
	struct cpus found = { 0 };
	int count = 0;

	do {
		unsigned int first, last;
		int end = 0, range_end = 0;

		if (sscanf(text, "%4u%n", &first, &end) != 1)
			return -EINVAL;
		last = first;
		text += end;
		if (sscanf(text, "-%4u%n", &last, &range_end) == 1)
			text += range_end;
		if (last < first || last >= SLUICE_CPUS_MAX)
			return -EINVAL;
		for (; first <= last; first++) {
			count += !found.is_present[first];
			found.is_present[first] = true;
		}
	} while (*text++ == ',');
	text--;
	if (*text && *text != '\n')
		return -EINVAL;
	*cpus = found;
	return count;
}

int cpus_read_present(struct cpus *cpus)
{
	int possible = libbpf_num_possible_cpus(), count = -EINVAL;
	FILE *file = fopen(PRESENT_PATH, "re");
	char line[256];

	if (file && fgets(line, sizeof(line), file))
		count = cpus_parse(line, cpus);
	if (file)
		fclose(file);
	if (count > 0 || possible < 0)
		return count > 0 ? count : possible;
	if (possible > SLUICE_CPUS_MAX)
		return -E2BIG;
	memset(cpus, 0, sizeof(*cpus));
	for (int cpu = 0; cpu < possible; cpu++)
		cpus->is_present[cpu] = true;
	return possible;
}
