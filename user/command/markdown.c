/* SPDX-License-Identifier: BSD-2-Clause */
/* docs/configuration.md, from the table that the configuration is read by: Markdown on stdout, one
 * table a section. What this version refuses is marked. */
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "command/help.h"

#define PATH_BYTES 128
#define NOT_YET "not in this version"

static const char introduction[] =
	"# Configuration\n"
	"\n"
	"<!-- Made by `sluice help markdown`; a test compares. -->\n"
	"\n"
	"One YAML file holds the configuration, by default `/etc/sluice/sluice.yaml`.\n"
	"`sluice check -c FILE` names every mistake with line, column and fix.\n"
	"It also says what the file means, in words and in memory.\n"
	"[deploy/sluice.yaml](../deploy/sluice.yaml) is an example with every key and default.\n"
	"The [guide](guide.md) starts with a small file and explains it.\n"
	"\n"
	"A key that is left out has its default. An unknown key is a mistake.\n"
	"A value marked \"" NOT_YET "\" is refused, and the message says what to write instead.\n"
	"\n"
	"| Value | Written as |\n"
	"| --- | --- |\n"
	"| size | a number with B, KiB, MiB, GiB or TiB: `16MiB` |\n"
	"| duration | a number with ns, us, ms, s, m, h or d: `500ms`, `1h30m` |\n"
	"| rate | a number with /s, k/s, M/s or G/s: `1000/s` |\n"
	"\n"
	"A number without its unit is a mistake, but for 0.\n";

static bool is_missing(enum config_feature feature)
{
	return !(config_features_supported() & (1ull << feature));
}

/* In a cell | would begin the next one. */
static void put_cell(const char *string)
{
	for (; *string; string++)
		printf(*string == '|' ? "\\%c" : "%c", *string);
}

static void put_choices(const struct schema_choice *choice)
{
	const char *separator = "";

	for (; choice->name; choice++) {
		printf("%s`%s`", separator, choice->name);
		if (is_missing(choice->feature))
			printf(" (" NOT_YET ")");
		separator = ", ";
	}
}

static void put_range(const struct schema_key *key)
{
	char least[UNITS_BYTES_MAX], most[UNITS_BYTES_MAX];

	if (key->type == SCHEMA_SIZE)
		printf(", %s to %s", units_format_size(least, key->min),
		       units_format_size(most, key->max));
	else if (key->type == SCHEMA_DURATION)
		printf(", %s to %s", units_format_duration(least, (__s64)key->min),
		       units_format_duration(most, (__s64)key->max));
	else if (key->type == SCHEMA_NUMBER || key->type == SCHEMA_PORT)
		printf(", %llu to %llu", key->min, key->max);
}

/* Their types have no name of their own; their defaults tell. */
static const char *custom_name(const struct schema_key *key)
{
	if (!key->fallback)
		return "list or text";
	if (key->fallback[0] == '[')
		return "list";
	return key->fallback[0] == '{' ? "map" : "text";
}

static void put_value(const struct schema_key *key)
{
	if (key->type == SCHEMA_CHOICE) {
		put_choices(key->choices);
		return;
	}
	if (key->type == SCHEMA_CUSTOM)
		fputs(custom_name(key), stdout);
	else
		fputs(schema_type_name(key->type), stdout);
	put_range(key);
	if (key->choices) {
		printf(", or ");
		put_choices(key->choices);
	}
}

static void put_row(const struct schema_key *key)
{
	printf("| `%s` | ", key->name);
	put_value(key);
	if (key->missing)
		printf(" | required | ");
	else if (key->fallback)
		printf(" | `%s` | ", key->fallback);
	else
		printf(" | - | ");
	put_cell(key->help);
	if (is_missing(key->feature))
		printf("; " NOT_YET);
	puts(" |");
}

static void put_section(const struct schema_section *section, const char *path)
{
	char inner[PATH_BYTES];
	const struct schema_key *key;

	puts("\n| Key | Value | Default | Meaning |\n| --- | --- | --- | --- |");
	for (key = section->keys; key->name; key++)
		if (!key->section)
			put_row(key);
	for (key = section->keys; key->name; key++) {
		if (!key->section)
			continue;
		snprintf(inner, sizeof(inner), "%s%s%s", path, *path ? "." : "", key->name);
		printf("\n## %s\n\n%c%s.%s%s%s\n", inner, key->help[0] - 'a' + 'A', key->help + 1,
		       key->type == SCHEMA_LIST ? " A list; each entry has these keys." : "",
		       key->missing ? " Required." : "",
		       is_missing(key->feature) ? " Has no effect yet: " NOT_YET "." : "");
		put_section(key->section, inner);
	}
}

void markdown_print(void)
{
	fputs(introduction, stdout);
	puts("\n## Top level");
	put_section(&schema_root, "");
}
