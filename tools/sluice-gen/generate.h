/* SPDX-License-Identifier: BSD-2-Clause */
/* What `sluice-gen` does without a subcommand: plan, send, tell the truth, report. */
#ifndef SLUICE_GEN_GENERATE_H
#define SLUICE_GEN_GENERATE_H

#include "options.h"
#include "run.h"
#include "truth.h"

/* The direct command of the program. */
extern const struct command generate_command;

/* Feeds everything a run sent to a truth: what is late or too far ahead is left out, what is
 * corrupt must be refused. -ENOMEM; -EPROTO when the truth and the plan disagree about a
 * datagram (a bug of the generator). */
int generate_truth(struct truth *truth, const struct run *run, const struct plan *plan,
		   const struct shape *shape);

#endif
