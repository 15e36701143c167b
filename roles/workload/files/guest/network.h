/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
/* The guest's one network interface. */
#ifndef STSM_NETWORK_H
#define STSM_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#define NETWORK_NAME_BYTES 16u

/* Wait up to 2 s for an interface beside the loopback, give it the address (host byte order) and switch it on. False
 * when there is none; its name is put into name. */
bool network_set_up(uint32_t address, uint32_t prefix_length, char name[NETWORK_NAME_BYTES]);

#endif
