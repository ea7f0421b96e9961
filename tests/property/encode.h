/* SPDX-License-Identifier: BSD-2-Clause */
/* A datagram of a scenario as the ring record that the XDP program would hand over. */
#ifndef SLUICE_PROPERTY_ENCODE_H
#define SLUICE_PROPERTY_ENCODE_H

#include "scenario.h"
#include "sluice/ring_record.h"

/* A record in memory of exactly its size, for the caller to free; NULL when every event was
 * dropped by a rule: such a datagram never reaches a ring. */
struct sluice_record *encode_record(const struct scenario_datagram *datagram, size_t *bytes);

#endif
