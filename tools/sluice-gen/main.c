/* SPDX-License-Identifier: BSD-2-Clause */
/* sluice-gen: sends datagrams with known contents (no command), and compares results (verify). */
#include <string.h>

#include "generate.h"
#include "verify.h"

#include "command/commands.h"

#define DIFFERENCES_SHOWN "20"

static const struct command_option verify_table[] = {
	{ "truth", 0, "FILE", NULL, NULL, "rows of --truth", true },
	{ "results", 0, "FILE", NULL, NULL, "what `sluice query --format json` printed", true,
	  true },
	{ "window", 0, "NAME", NULL, NULL, "compare this window only", false, true },
	{ "allow-open", 0, NULL, NULL, NULL, "rows need not be final (after an orderly stop)" },
	{ "limit", 0, "N", DIFFERENCES_SHOWN, NULL, "differences to print" },
	{ NULL },
};

static void print_totals(const struct verify_totals *totals, bool is_json)
{
	const char *text = "%s: %llu rows expected, %llu found; %llu missing, %llu unexpected, "
			   "%llu differ, %llu repeated, %llu not final, %llu malformed\n";
	const char *json = "{\"equal\":%s,\"expected\":%llu,\"found\":%llu,\"missing\":%llu,"
			   "\"unexpected\":%llu,\"differing\":%llu,\"repeated\":%llu,"
			   "\"not_final\":%llu,\"malformed\":%llu}\n";
	static const char *const words[2][2] = { { "DIFFERENT", "equal" }, { "false", "true" } };
	bool is_equal = verify_is_equal(totals);

	printf(is_json ? json : text, words[is_json][is_equal],
	       (unsigned long long)totals->expected, (unsigned long long)totals->found,
	       (unsigned long long)totals->missing, (unsigned long long)totals->unexpected,
	       (unsigned long long)totals->differing, (unsigned long long)totals->repeated,
	       (unsigned long long)totals->not_final, (unsigned long long)totals->malformed);
}

/* Nothing equals nothing, but it proves nothing either. */
static int complain_of_nothing(const struct verify_options *options,
			       const struct verify_totals *totals)
{
	const char *where = options->window_count ? " of the windows asked for" : "";

	if (!totals->expected)
		return command_error(1, "was anything sent, and are the windows named rightly?",
				     "%s holds no rows%s: nothing was compared", options->truth,
				     where);
	return command_error(1, "sluice query --format json prints them; are its windows closed?",
			     "the results hold no rows%s", where);
}

static unsigned int read_list(const struct command_line *line, const char *name, const char **list)
{
	unsigned int count = 0;

	while (count < VERIFY_RESULTS_MAX &&
	       (list[count] = command_option_text_at(line, name, count)))
		count++;
	return count;
}

static int verify(const struct command_line *line)
{
	struct verify_options options = { .truth = command_option_text(line, "truth") };
	struct verify_totals totals = { 0 };
	int error;

	options.result_count = read_list(line, "results", options.results);
	options.window_count = read_list(line, "window", options.windows);
	options.allows_open = command_option_given(line, "allow-open");
	if (command_option_number(line, "limit", &options.limit) < 0)
		return EX_USAGE;
	error = verify_run(&options, &totals, command_option_given(line, "json") ? stderr : stdout);
	if (error)
		return command_error(EX_NOINPUT, NULL, "cannot read the rows: %s",
				     strerror(-error));
	print_totals(&totals, command_option_given(line, "json"));
	if (!totals.expected || !totals.found)
		return complain_of_nothing(&options, &totals);
	return verify_is_equal(&totals) ? 0 : 1;
}

static const struct command verify_command = {
	.name = "verify",
	.summary = "Compares results with the ground truth; exit code 1 when they differ.",
	.common = COMMAND_JSON,
	.options = verify_table,
	.examples = "sluice query --window clicks --format json > results.json\n"
		    "sluice-gen verify --truth truth.json --results results.json\n",
	.run = verify,
};

static const struct command *const commands[] = { &generate_command, &verify_command, &command_help,
						  NULL };

int main(int argc, char **argv)
{
	static const struct command_program program = {
		.name = "sluice-gen",
		.summary = "sends event datagrams to sluice, with known contents",
		.commands = commands,
		.direct = &generate_command,
	};

	char generate[] = "generate", option[] = "--help";
	char *help[] = { argv[0], generate, option, NULL };
	bool is_help = argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"));

	/* What it does without a command is what people ask about. */
	return is_help ? command_main(&program, 3, help) : command_main(&program, argc, argv);
}
