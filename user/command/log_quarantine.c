/* SPDX-License-Identifier: BSD-2-Clause */
/* sluice log quarantine: puts aside what is damaged, so that queries are complete again but for
 * that, and an agent starts; also while one runs. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "command/fold.h"
#include "command/log_actions.h"
#include "command/store_option.h"
#include "edge/results/results_quarantine.h"

static void add_subject(struct text *text, const struct log_damage *damage)
{
	if (damage->number == 0)
		text_format(text, "%s", damage->file);
	else if (damage->number == damage->last_number)
		text_format(text, "segment %" PRIu64, (uint64_t)damage->number);
	else
		text_format(text, "segments %" PRIu64 " to %" PRIu64, (uint64_t)damage->number,
			    (uint64_t)damage->last_number);
}

static void report(void *context, enum results_quarantine_fate fate,
		   const struct log_damage *damage, const char *to)
{
	unsigned int *left = context;
	char buffer[512];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	add_subject(&text, damage);
	if (fate == RESULTS_QUARANTINE_MOVED)
		text_format(&text, "  moved to %s/%s: ", STORE_QUARANTINE, to);
	else if (fate == RESULTS_QUARANTINE_MISSING)
		text_add(&text, "  noted as a gap: ");
	else
		text_add(&text, "  left, as the agent is writing it: ");
	*left += fate == RESULTS_QUARANTINE_ACTIVE;
	text_add_printable(&text, damage->why);
	fold_print(stdout, buffer, 2);
}

/* With the lock of an agent, or beside the one that has it. */
static int open_store(const struct command_line *line, struct store *store)
{
	int error, code = store_option_open(line, store); /* must exist already */
	char path[PATH_MAX];

	if (code)
		return code;
	memcpy(path, store->path, sizeof(path));
	if (store->is_guessed)
		return command_error(EX_IOERR, NULL, "%s", store->problem);
	store_close(store);
	error = store_open(store, path);
	if (error == -EBUSY)
		error = store_open_reader(store, path);
	return error ? command_error(command_exit_code(error), NULL, "%s", store->problem) : 0;
}

int log_action_quarantine(const struct command_line *line)
{
	unsigned int left = 0;
	const struct results_quarantine quarantine = { .report = report, .context = &left };
	struct store store = STORE_CLOSED;
	int count, code = open_store(line, &store);

	if (!code) {
		count = results_quarantine_run(&store, &quarantine);
		if (count < 0)
			code = command_error(command_exit_code(count), NULL, "%s", store.problem);
		else if (left)
			code = command_error(EX_TEMPFAIL,
					     "run this again when the agent has begun another "
					     "segment or has stopped",
					     "the segment that is being written is damaged");
		else if (count == 0)
			printf("nothing is damaged; nothing was moved\n");
	}
	store_close(&store);
	return code;
}
