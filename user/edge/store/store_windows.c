/* SPDX-License-Identifier: BSD-2-Clause */
/* A short list and its text. Bytes of names that would end a word are written as %XX. */
#include "edge/store/store_windows.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const struct store_window *store_windows_find(const struct store_windows *windows,
					      const char *name)
{
	for (__u32 i = 0; i < windows->count; i++) {
		if (strcmp(windows->window[i].name, name) == 0)
			return &windows->window[i];
	}
	return NULL;
}

static void remove_at(struct store_windows *windows, __u32 at)
{
	memmove(&windows->window[at], &windows->window[at + 1],
		(--windows->count - at) * sizeof(windows->window[0]));
}

__u64 store_windows_raise(struct store_windows *windows, const char *name, __u64 definition)
{
	const struct store_window *known = store_windows_find(windows, name);
	struct store_window made = { .epoch = windows->floor, .definition = definition };

	snprintf(made.name, sizeof(made.name), "%s", name);
	if (known) {
		made.epoch = known->epoch;
		remove_at(windows, (__u32)(known - windows->window));
	} else if (windows->count == STORE_WINDOWS_MAX) {
		if (windows->window[0].epoch > windows->floor)
			windows->floor = windows->window[0].epoch;
		remove_at(windows, 0);
	}
	made.epoch++;
	windows->window[windows->count++] = made;
	return made.epoch;
}

static void format_name(struct text *text, const char *name)
{
	for (; *name; name++) {
		unsigned char byte = (unsigned char)*name;

		bool is_plain = byte > ' ' && byte < 127 && byte != '%' && byte != '=';

		text_format(text, is_plain ? "%c" : "%%%02X", byte);
	}
}

void store_windows_format(const struct store_windows *windows, struct text *text)
{
	text_format(text, "%" PRIu64, (uint64_t)windows->floor);
	for (__u32 i = 0; i < windows->count; i++) {
		const struct store_window *window = &windows->window[i];

		text_add(text, " ");
		format_name(text, window->name);
		text_format(text, "=%" PRIu64 ".%016" PRIx64, (uint64_t)window->epoch,
			    (uint64_t)window->definition);
	}
}

/* A name up to its '='. Returns what follows, or NULL. */
static const char *parse_name(const char *text, char name[SLUICE_NAME_MAX + 1])
{
	size_t length = 0;

	for (; *text && *text != '='; text++) {
		unsigned int byte = (unsigned char)*text;

		if (*text == '%') {
			if (sscanf(text + 1, "%2x", &byte) != 1 || !text[1] || !text[2])
				return NULL;
			text += 2;
		}
		if (length == SLUICE_NAME_MAX || byte == 0)
			return NULL;
		name[length++] = (char)byte;
	}
	name[length] = '\0';
	return *text && length ? text + 1 : NULL;
}

static const char *parse_window(const char *text, struct store_window *window)
{
	unsigned long long epoch, definition;
	int end = 0;

	text = parse_name(text, window->name);
	if (!text || sscanf(text, "%20llu.%16llx%n", &epoch, &definition, &end) != 2)
		return NULL;
	window->epoch = epoch;
	window->definition = definition;
	return text + end;
}

int store_windows_parse(struct store_windows *windows, const char *text)
{
	struct store_windows made = { 0 };
	unsigned long long floor;
	int end = 0;

	if (sscanf(text, "%20llu%n", &floor, &end) != 1)
		return -EINVAL;
	made.floor = floor;
	for (text += end; *text == ' ';) {
		if (made.count == STORE_WINDOWS_MAX)
			return -EINVAL;
		text = parse_window(text + 1, &made.window[made.count]);
		if (!text || store_windows_find(&made, made.window[made.count].name))
			return -EINVAL;
		made.count++;
	}
	if (*text)
		return -EINVAL;
	*windows = made;
	return 0;
}
