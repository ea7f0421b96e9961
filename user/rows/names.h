/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of ids as a results log tells them, for those who print. The last name of an id wins. */
#ifndef SLUICE_EDGE_NAMES_H
#define SLUICE_EDGE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "sluice/disk_format.h"

struct names;

int names_open(struct names **names); /* -ENOMEM */
void names_close(struct names *names); /* takes NULL */

/* Takes a names record of any bytes. Names that nobody may teach are passed over: older agents took
 * them. -EBADMSG, -ENOMEM. */
int names_add(struct names *names, const struct sluice_disk_record *record);

/* The name, not longer than 255 bytes, or NULL. Valid until the next names_add. */
const char *names_find(const struct names *names, enum sluice_space space, __u64 id);

/* Finds out which names several ids of one space have. Once, when all names are in. -ENOMEM. */
int names_compare(struct names *names);
/* Whether another id of the space has the same name; by the last names_compare. */
bool names_is_shared(const struct names *names, enum sluice_space space, __u64 id);

/* The space that names the values of a group field; false when there is none. */
bool names_space(enum sluice_field field, enum sluice_space *space);

/* The id-th name of a space in no order, for suggestions: NULL behind the last. */
const char *names_at(const struct names *names, size_t index, enum sluice_space *space);

#endif
