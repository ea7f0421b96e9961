/* SPDX-License-Identifier: BSD-2-Clause */
/* Sends what is in a capture: UDP payloads to a socket, or whole frames out of an interface. */
#ifndef SLUICE_GEN_REPLAY_H
#define SLUICE_GEN_REPLAY_H

#include "run.h"
#include "truth.h"

/* Paced by --rate, else as fast as possible. Payloads that were sent are added to `truth` (may
 * be NULL). Frames without a UDP payload go out too, but count no event. 0, or an exit code
 * after a message. */
int replay_pcap(struct run *run, const struct options *options, struct truth *truth);

#endif
