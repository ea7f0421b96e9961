/* SPDX-License-Identifier: BSD-2-Clause */
/* One scalar into its place, by the type, range and choices of its row in the schema. */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/units.h"
#include "config/reader.h"

typedef void (*read_function)(struct reader *reader, const struct schema_key *key,
			      const struct node *node, void *place);

static bool is_name_letter(char letter, const char *extra)
{
	return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
	       (letter >= '0' && letter <= '9') || strchr("_.-", letter) || strchr(extra, letter);
}

bool reader_copy_name(struct reader *reader, const struct node *node, const char *what,
		      const char *extra, char *out)
{
	const char *at = node->text;

	while (*at && is_name_letter(*at, extra))
		at++;
	if (*at || at == node->text) {
		mistakes_add(reader->mistakes, node->mark,
			     "%s `%.80s`; write letters, digits, _ . - %sand nothing else", what,
			     node->text, extra[0] ? "/ : " : "");
		return false;
	}
	if (at - node->text > SLUICE_NAME_MAX) {
		mistakes_add(reader->mistakes, node->mark, "%s of %td bytes; at most %d are kept",
			     what, at - node->text, SLUICE_NAME_MAX);
		return false;
	}
	memset(out, 0, SLUICE_NAME_MAX + 1);
	memcpy(out, node->text, (size_t)(at - node->text));
	return true;
}

bool reader_read_number(struct reader *reader, const struct node *node, const char *what, __u64 max,
			__u64 *number)
{
	const char *text = node->text;
	bool is_hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	__u64 value;
	char *end;

	if (!is_hex && units_parse_number(text, &value) == -EINVAL) {
		mistakes_add(reader->mistakes, node->mark,
			     "%s `%.80s` is not a number; write 0 to %llu", what, text, max);
		return false;
	}
	errno = 0;
	value = strtoull(text, &end, is_hex ? 16 : 10);
	if (*end || (is_hex && !text[2])) {
		mistakes_add(reader->mistakes, node->mark,
			     "%s `%.80s` is not a number; write 0 to %llu", what, text, max);
		return false;
	}
	if (errno == ERANGE || value > max) {
		mistakes_add(reader->mistakes, node->mark, "%s %.80s is too large; write 0 to %llu",
			     what, text, max);
		return false;
	}
	*number = value;
	return true;
}

static void read_name(struct reader *reader, const struct schema_key *key, const struct node *node,
		      void *place)
{
	reader_copy_name(reader, node, key->name, "", place);
}

static void read_interface(struct reader *reader, const struct schema_key *key,
			   const struct node *node, void *place)
{
	size_t bytes = strlen(node->text);

	if (bytes >= CONFIG_INTERFACE_MAX || strpbrk(node->text, "/ \t\n:") ||
	    strcmp(node->text, ".") == 0 || strcmp(node->text, "..") == 0)
		mistakes_add(
			reader->mistakes, node->mark,
			"%s `%.80s` cannot be an interface; names have at most %d bytes, without "
			"/ : and spaces",
			key->name, node->text, CONFIG_INTERFACE_MAX - 1);
	else
		memcpy(place, node->text, bytes + 1);
}

static void read_path(struct reader *reader, const struct schema_key *key, const struct node *node,
		      void *place)
{
	size_t bytes = strlen(node->text);

	if (node->text[0] != '/')
		mistakes_add(reader->mistakes, node->mark,
			     "%s `%.80s` is not absolute; begin it with /", key->name, node->text);
	else if (bytes >= key->max)
		mistakes_add(reader->mistakes, node->mark, "%s has %zu bytes; at most %llu fit",
			     key->name, bytes, key->max - 1);
	else
		memcpy(place, node->text, bytes + 1);
}

static const struct schema_choice *find_choice(const struct schema_choice *choice, const char *text)
{
	for (; choice && choice->name; choice++)
		if (strcmp(choice->name, text) == 0)
			return choice;
	return NULL;
}

static bool is_in_range(struct reader *reader, const struct schema_key *key,
			const struct node *node, __u64 number)
{
	if (number >= key->min && number <= key->max)
		return true;
	mistakes_add(reader->mistakes, node->mark, "%s: %.80s is out of range; write %llu to %llu",
		     key->name, node->text, key->min, key->max);
	return false;
}

static bool read_plain_number(struct reader *reader, const struct schema_key *key,
			      const struct node *node, __u64 *number)
{
	int error = units_parse_number(node->text, number);

	if (error == -EINVAL) {
		mistakes_add(reader->mistakes, node->mark,
			     "%s: `%.80s` is not a number; write %s%s%llu to %llu", key->name,
			     node->text, key->choices ? key->choices->name : "",
			     key->choices ? " or " : "", key->min, key->max);
		return false;
	}
	if (error)
		*number = UINT64_MAX;
	return is_in_range(reader, key, node, *number);
}

static void read_number(struct reader *reader, const struct schema_key *key,
			const struct node *node, void *place)
{
	const struct schema_choice *choice = find_choice(key->choices, node->text);
	__u64 number;

	if (choice)
		*(__u32 *)place = (__u32)choice->value;
	else if (read_plain_number(reader, key, node, &number))
		*(__u32 *)place = (__u32)number;
}

static void read_port(struct reader *reader, const struct schema_key *key, const struct node *node,
		      void *place)
{
	__u64 number;

	if (read_plain_number(reader, key, node, &number))
		*(__u16 *)place = (__u16)number;
}

static void read_signed(struct reader *reader, const struct schema_key *key,
			const struct node *node, void *place)
{
	const char *digits = node->text + (node->text[0] == '-');
	long long number;
	__u64 ignored;

	errno = 0;
	number = strtoll(node->text, NULL, 10);
	if (units_parse_number(digits, &ignored) == -EINVAL)
		mistakes_add(reader->mistakes, node->mark, "%s: `%.80s` is not a whole number",
			     key->name, node->text);
	else if (errno)
		mistakes_add(reader->mistakes, node->mark, "%s: %.80s does not fit 64 bits",
			     key->name, node->text);
	else
		*(__s64 *)place = number;
}

/* Units by type of the schema. */
static const struct {
	enum units_kind kind;
	const char *example; /* the unit that is probably meant */
} quantities[SCHEMA_TYPES] = {
	[SCHEMA_SIZE] = { UNITS_SIZE, "MiB" },
	[SCHEMA_DURATION] = { UNITS_DURATION, "s" },
	[SCHEMA_RATE] = { UNITS_RATE, "/s" },
};

static char *format_quantity(enum schema_type type, char *out, __u64 value)
{
	if (type == SCHEMA_SIZE)
		return units_format_size(out, value);
	if (type == SCHEMA_DURATION)
		return units_format_duration(out, (__s64)value);
	return units_format_rate(out, value);
}

static void report_quantity(struct reader *reader, const struct schema_key *key,
			    const struct node *node, int error)
{
	if (error == -ENODATA)
		mistakes_add(reader->mistakes, node->mark,
			     "%s: %.80s has no unit; write for example %.80s%s", key->name,
			     node->text, node->text, quantities[key->type].example);
	else
		mistakes_add(reader->mistakes, node->mark, "%s: `%.80s` %s; %s", key->name,
			     node->text,
			     node->text[0] == '-' ? "is below zero" : units_problem(error),
			     units_advice(quantities[key->type].kind));
}

static void read_quantity(struct reader *reader, const struct schema_key *key,
			  const struct node *node, void *place)
{
	char least[UNITS_BYTES_MAX], most[UNITS_BYTES_MAX];
	__u64 value;
	int error = units_parse(quantities[key->type].kind, node->text, &value);

	if (error)
		report_quantity(reader, key, node, error);
	else if (value < key->min || value > key->max)
		mistakes_add(reader->mistakes, node->mark,
			     "%s: %.80s is out of range; write %s to %s", key->name, node->text,
			     format_quantity(key->type, least, key->min),
			     format_quantity(key->type, most, key->max));
	else
		*(__u64 *)place = value;
}

static void read_choice(struct reader *reader, const struct schema_key *key,
			const struct node *node, void *place)
{
	const struct schema_choice *choice = find_choice(key->choices, node->text);
	struct text_nearest nearest = { .word = node->text };
	char buffer[128];
	struct text known;

	if (choice) {
		if (reader_require(reader, choice->feature, node->mark))
			*(int *)place = choice->value;
		return;
	}
	text_init(&known, buffer, sizeof(buffer));
	for (choice = key->choices; choice->name; choice++) {
		text_nearest_offer(&nearest, choice->name);
		text_format(&known, "%s%s",
			    !known.bytes     ? ""
			    : choice[1].name ? ", "
					     : " or ",
			    choice->name);
	}
	mistakes_add(reader->mistakes, node->mark, "%s: `%.80s` is unknown; write %s", key->name,
		     node->text, nearest.best ? nearest.best : buffer);
}

static const read_function read_by_type[SCHEMA_TYPES] = {
	[SCHEMA_NAME] = read_name,     [SCHEMA_INTERFACE] = read_interface,
	[SCHEMA_PATH] = read_path,     [SCHEMA_NUMBER] = read_number,
	[SCHEMA_PORT] = read_port,     [SCHEMA_SIGNED] = read_signed,
	[SCHEMA_SIZE] = read_quantity, [SCHEMA_DURATION] = read_quantity,
	[SCHEMA_RATE] = read_quantity, [SCHEMA_CHOICE] = read_choice,
};

void reader_read_value(struct reader *reader, const struct schema_key *key, const struct node *node,
		       void *place)
{
	if (node->kind != NODE_SCALAR)
		mistakes_add(reader->mistakes, node->mark, "%s is %s; write one %s", key->name,
			     node_kind_name(node), schema_type_name(key->type));
	else if (!node->text[0] || node_is_empty(node))
		mistakes_add(reader->mistakes, node->mark, "%s has no value; %s", key->name,
			     key->missing ? key->missing : "write one, or leave the key out");
	else
		read_by_type[key->type](reader, key, node, place);
}
