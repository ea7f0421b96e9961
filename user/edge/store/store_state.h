/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of a store, shared by its sources: store.c (open, lock, close) and store_change.c (the
 * manifest on disk). Nobody else includes it. */
#ifndef SLUICE_EDGE_STORE_STATE_H
#define SLUICE_EDGE_STORE_STATE_H

#include "edge/store/store.h"

#define STORE_FILE_MODE 0640
#define STORE_MANIFEST_ADVICE                                                                  \
	"restore it from a copy, or move %s away to start a new store: its results can still " \
	"be read there with --state"

/* Writes the problem; returns the error. */
int store_fail(struct store *store, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* A whole small file with a zero behind it: its bytes, or -errno. */
int store_read_file(int directory_fd, const char *name, char *text, size_t room);
/* The manifest on disk becomes store->manifest. -ENOENT without a problem; else as store_open. */
int store_load_manifest(struct store *store, bool is_reader);

#endif
