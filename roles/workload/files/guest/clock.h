/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#ifndef STSM_CLOCK_H
#define STSM_CLOCK_H

#include <stdint.h>

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_SECOND UINT64_C(1000000000)

/* CLOCK_MONOTONIC in ns. It stops while the guest is stopped. */
uint64_t clock_now_ns(void);

/* Sleep until CLOCK_MONOTONIC reaches deadline_ns; returns at once when it has passed. */
void clock_sleep_until_ns(uint64_t deadline_ns);

void clock_sleep_ms(uint64_t ms);

#endif
