/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes of a fuzzer as the YAML of some windows. Most mixtures are refused by the configuration; no
 * byte makes a syntax error. */
#include "windows_yaml.h"

#include <stdio.h>
#include <stdlib.h>

__u8 windows_take(struct cursor *cursor)
{
	if (!cursor->left)
		return 0;
	cursor->left--;
	return *cursor->at++;
}

__u64 windows_take_time(struct cursor *cursor)
{
	__u64 digits = windows_take(cursor);

	for (__u8 zeros = windows_take(cursor) % 6; zeros; zeros--)
		digits *= 10;
	return digits;
}

static const char *const fields[] = { "tenant", "source", "type", "key",
				      "dim0",	"dim1",	  "dim2", "dim3" };

static void put_groups(FILE *yaml, __u8 bits)
{
	const char *separator = "";

	fprintf(yaml, "    group_by: [");
	for (int i = 0; i < 8; i++) {
		if (!(bits >> i & 1))
			continue;
		fprintf(yaml, "%s%s", separator, fields[i]);
		separator = ", ";
	}
	fprintf(yaml, "]\n");
}

static void put_aggregates(FILE *yaml, struct cursor *cursor)
{
	static const char *const plain[] = { "count", "records", "sum",	 "min", "max",
					     "avg",   "first",	 "last", "rate" };
	__u32 low = windows_take(cursor), bits = low | (__u32)windows_take(cursor) << 8;

	fprintf(yaml, "    aggregate: [records");
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (bits >> i & 1 && i != 1)
			fprintf(yaml, ", %s", plain[i]);
	if (bits >> 9 & 1)
		fprintf(yaml, ", \"distinct(%s)\"", fields[windows_take(cursor) & 7]);
	if (bits >> 10 & 1)
		fprintf(yaml, ", \"quantiles(value; 0.5, 0.%02u)\"", windows_take(cursor) % 99 + 1);
	if (bits >> 11 & 1)
		fprintf(yaml, ", \"top(%s, %u)\"", fields[windows_take(cursor) & 7],
			windows_take(cursor) % 200);
	fprintf(yaml, "]\n");
}

static void put_window(FILE *yaml, struct cursor *cursor, int number)
{
	static const char *const kinds[] = { "tumbling", "sliding", "session" };
	__u8 kind = windows_take(cursor) % 3, has = windows_take(cursor);

	fprintf(yaml, "  - name: w%d\n    kind: %s\n", number, kinds[kind]);
	fprintf(yaml, "    %s: %llums\n", kind == 2 ? "gap" : "size", windows_take_time(cursor));
	if (kind == 1)
		fprintf(yaml, "    slide: %llums\n", windows_take_time(cursor));
	if (has & 1)
		fprintf(yaml, "    %s: %llums\n", kind == 2 ? "max_duration" : "offset",
			windows_take_time(cursor));
	if (has & 2)
		fprintf(yaml, "    max_disorder: %llums\n", windows_take_time(cursor));
	if (has & 4)
		fprintf(yaml, "    allowed_lateness: %llums\n", windows_take_time(cursor));
	if (has & 8)
		fprintf(yaml, "    early: %llums\n", windows_take_time(cursor));
	if (has & 16)
		fprintf(yaml, "    where: {types: [1, 2], value: {min: -%u}}\n",
			windows_take(cursor));
	put_groups(yaml,
		   (__u8)(has & 32 ? windows_take(cursor) : 1u << (windows_take(cursor) & 7)));
	put_aggregates(yaml, cursor);
}

char *windows_yaml(struct cursor *cursor)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *yaml = open_memstream(&text, &bytes);
	__u8 head = windows_take(cursor);

	if (!yaml)
		abort();
	fprintf(yaml, "durability: none\nlisten: [{name: a, interface: lo}]\n");
	fprintf(yaml, "limits: {memory: %uMiB, max_sources: %u", 16 + head % 8, head % 5 + 1);
	if (head & 128)
		fprintf(yaml, ", max_groups: %u", windows_take(cursor) + 1);
	fprintf(yaml, "}\nwindows:\n");
	for (int i = 0; i <= (head >> 3 & 3); i++)
		put_window(yaml, cursor, i);
	fclose(yaml);
	return text;
}
