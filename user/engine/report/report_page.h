/* SPDX-License-Identifier: BSD-2-Clause */
/* Parts that the short page and the ledger share. For the report_*.c alone. */
#ifndef SLUICE_ENGINE_REPORT_PAGE_H
#define SLUICE_ENGINE_REPORT_PAGE_H

#include "engine/report/report.h"

struct page {
	const struct report *report;
	struct text *out;
	bool is_colour;
};

/* The answer, broken into lines, green or red where colours are. */
void page_write_answer(struct page *page);
void page_write_agent(struct page *page);
/* A line for each listener up to `most`. */
void page_write_listeners(struct page *page, __u32 most);

/* "16 s behind", or that there is nothing yet; `out` has WORDS_BYTES. */
const char *page_watermark(const struct page *page, __u32 window, char *out);

#endif
