/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
/* Answers UDP probes on port 7 with the guest's clock and progress. */
#ifndef STSM_ECHO_H
#define STSM_ECHO_H

#include <stddef.h>
#include <stdint.h>

#define ECHO_BYTES 64u

/* Make the answer to a request. Returns 0, nothing to send, when the request is not one of ours. */
size_t echo_answer(const uint8_t *request, size_t request_bytes, uint64_t guest_ns, uint64_t touched_pages,
		   uint8_t answer[ECHO_BYTES]);

#endif
