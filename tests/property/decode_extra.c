/* SPDX-License-Identifier: BSD-2-Clause */
/* What a row carries behind its base partial. Until an aggregate has a layout on disk there is nothing
 * to read here, and a row with a tail is refused. */
#include <errno.h>

#include "decode.h"

size_t decode_extra_bytes(const struct window_spec *spec)
{
	(void)spec;
	return 0;
}

int decode_extra(const struct window_spec *spec, const void *data, size_t bytes,
		 struct result_row *row)
{
	(void)data;
	(void)row;
	return bytes == decode_extra_bytes(spec) ? 0 : -EINVAL;
}
