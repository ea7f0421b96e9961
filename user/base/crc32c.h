/* SPDX-License-Identifier: BSD-2-Clause */
/* CRC-32C (Castagnoli polynomial 0x1EDC6F41, reflected), as iSCSI and most logs use it: RFC 3720
 * appendix B.4 has the test vectors. By the processor's instruction where there is one. */
#ifndef SLUICE_BASE_CRC32C_H
#define SLUICE_BASE_CRC32C_H

#include <stddef.h>

#include <linux/types.h>

/* The checksum of `bytes` bytes, continuing `crc`: 0 for the first part, or any 32-bit seed. */
__u32 crc32c(__u32 crc, const void *data, size_t bytes);

/* The same by table, whatever the processor can do: for tests. */
__u32 crc32c_by_table(__u32 crc, const void *data, size_t bytes);

#endif
