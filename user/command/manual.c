/* SPDX-License-Identifier: BSD-2-Clause */
/* The manual page of a program, from the tables that its commands, options, configuration and
 * counters live by: roff for man(1) on stdout. */
#include <stdio.h>
#include <string.h>

#include "command/commands.h"
#include "command/help.h"
#include "command/options.h"
#include "engine/version.h"
#include "sluice/ledger.h"
#include "sluice/limits.h"

#define SENTENCE_BYTES 1024

/* What roff would take for its own is escaped; … is the one character here that is not ASCII. */
static void put_bytes(const char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool is_dots = count - i >= 3 && !memcmp(&bytes[i], "…", 3);
		bool is_first = i == 0 || bytes[i - 1] == '\n';

		if (is_first && (bytes[i] == '.' || bytes[i] == '\'' || is_dots))
			fputs("\\&", stdout);
		if (bytes[i] == '\\')
			fputs("\\e", stdout);
		else if (bytes[i] == '-')
			fputs("\\-", stdout);
		else if (is_dots)
			fputs("...", stdout), i += 2;
		else
			putchar(bytes[i]);
	}
}

static void put(const char *string)
{
	put_bytes(string, strlen(string));
}

static void put_line(const char *string)
{
	put(string);
	putchar('\n');
}

static void put_heading(const char *macro, const char *string)
{
	printf(".%s \"", macro);
	put(string);
	printf("\"\n");
}

/* A term in bold, and a sentence below it. */
static void put_term(const char *term, const char *sentence)
{
	printf(".TP\n.B ");
	put_line(term);
	put_line(sentence);
}

static void put_verbatim(const char *lines)
{
	printf(".PP\n.nf\n");
	put(lines);
	printf(".fi\n");
}

static void put_options(const struct command *command, const struct command *without)
{
	const struct command_option *options[OPTIONS_MAX], *universal[OPTIONS_MAX];
	unsigned int count = options_list(command, options);
	char sentence[SENTENCE_BYTES], term[64];
	struct text text;

	if (without)
		count -= options_list(without, universal);
	for (unsigned int i = 0; i < count; i++) {
		text_init(&text, term, sizeof(term));
		help_name_option(&text, options[i]);
		text_init(&text, sentence, sizeof(sentence));
		help_describe_option(&text, options[i]);
		put_term(term, sentence);
	}
}

/* Its own options; those that every command has stand once for all. */
static void put_command(const struct command_program *program, const struct command *command,
			const struct command *bare)
{
	char usage[SENTENCE_BYTES];
	struct text text;

	text_init(&text, usage, sizeof(usage));
	help_describe_usage(&text, program, command);
	put_heading("SS", usage);
	put_line(command->summary);
	if (command->details)
		put_verbatim(command->details);
	put_options(command, bare);
	if (command->examples)
		put_verbatim(command->examples);
}

static void put_section(const struct schema_section *section)
{
	char sentence[SENTENCE_BYTES];
	const struct schema_key *key;
	struct text text;

	for (key = section->keys; key->name; key++) {
		text_init(&text, sentence, sizeof(sentence));
		help_describe_key(&text, key);
		put_term(key->name, sentence);
		if (!key->section)
			continue;
		printf(".RS\n");
		put_section(key->section);
		printf(".RE\n");
	}
}

static void put_counters(void)
{
#define COUNTER(name, sentence) put_term(#name, sentence);
	put_heading("SS", "Frames in the kernel");
	SLUICE_TRAFFIC(COUNTER)
	put_heading("SS", "Datagrams of a listener in the kernel, and their events");
	SLUICE_LEDGER(COUNTER)
	put_heading("SS", "Events in the agent");
	SLUICE_STREAM_LEDGER(COUNTER)
	put_heading("SS", "Events of a window");
	SLUICE_WINDOW_LEDGER(COUNTER)
#undef COUNTER
}

static void put_files(void)
{
	put_term("/etc/sluice/sluice.yaml", "configuration");
	put_term("/var/lib/sluice", "results log, identity and epoch of the agent");
	put_term("/run/sluice/sluice.sock", "admin socket of the running agent");
	put_term(SLUICE_PIN_ROOT "/sluice", "program, rings and counters, readable with bpftool");
}

void manual_print(const struct command_program *program)
{
	static const struct command bare = { .name = "" };
	const struct command *const *command;
	bool is_agent = program == &command_program_sluice;

	printf(".TH %s %d \"\" \"sluice %s\"\n", is_agent ? "SLUICE" : "SLUICE\\-GEN",
	       is_agent ? 8 : 1, engine_version());
	put_heading("SH", "NAME");
	put(program->name);
	printf(" \\- ");
	put_line(program->summary);
	put_heading("SH", "SYNOPSIS");
	printf(".B ");
	put(program->name);
	printf(" %s [options]\n", program->direct ? "[COMMAND]" : "COMMAND");
	put_heading("SH", "COMMANDS");
	for (command = program->commands; *command; command++)
		put_command(program, *command, &bare);
	put_heading("SH", "OPTIONS OF EVERY COMMAND");
	put_options(&bare, NULL);
	if (is_agent) {
		put_heading("SH", "CONFIGURATION");
		put_section(&schema_root);
		put_heading("SH", "COUNTERS");
		put_counters();
	}
	put_heading("SH", "EXIT STATUS");
	put_line(HELP_EXIT_CODES);
	put_heading("SH", "FILES");
	put_files();
	put_heading("SH", "SEE ALSO");
	put_line(is_agent ? "sluice-gen(1), bpftool(8)" : "sluice(8)");
}
