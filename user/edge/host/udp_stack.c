/* SPDX-License-Identifier: BSD-2-Clause */
/* /proc/net/snmp has a line of names and a line of numbers, /proc/net/snmp6 a name and a number. */
#include "edge/host/udp_stack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 1024

/* The number below `name` in the two lines that begin with `Udp:`. */
static __u64 number_below(const char *names, const char *numbers, const char *name)
{
	char name_buffer[LINE_BYTES], number_buffer[LINE_BYTES];
	char *next_name = NULL, *next_number = NULL;
	const char *word, *number;

	snprintf(name_buffer, sizeof(name_buffer), "%s", names);
	snprintf(number_buffer, sizeof(number_buffer), "%s", numbers);
	word = strtok_r(name_buffer, " \n", &next_name);
	number = strtok_r(number_buffer, " \n", &next_number);
	while (word && number) {
		if (strcmp(word, name) == 0)
			return strtoull(number, NULL, 10);
		word = strtok_r(NULL, " \n", &next_name);
		number = strtok_r(NULL, " \n", &next_number);
	}
	return 0;
}

static __u64 read_ipv4(void)
{
	char line[LINE_BYTES], names[LINE_BYTES] = "";
	FILE *file = fopen("/proc/net/snmp", "re");
	__u64 found = 0;

	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "Udp:", 4) != 0)
			continue;
		if (!names[0])
			memcpy(names, line, sizeof(names));
		else
			found = number_below(names, line, "NoPorts");
	}
	if (file)
		fclose(file);
	return found;
}

static __u64 read_ipv6(void)
{
	static const char name[] = "Udp6NoPorts";
	FILE *file = fopen("/proc/net/snmp6", "re");
	char line[LINE_BYTES];
	__u64 found = 0;

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0)
			found = strtoull(line + strlen(name), NULL, 10);
	if (file)
		fclose(file);
	return found;
}

__u64 udp_stack_unclaimed(void)
{
	return read_ipv4() + read_ipv6();
}
