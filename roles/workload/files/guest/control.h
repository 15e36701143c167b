/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
/* Reads commands from the control channel and answers them on the channel of results. */
#ifndef STSM_CONTROL_H
#define STSM_CONTROL_H

#include <stdint.h>

/* Ends the guest when there is no such port. */
int control_open(const char *port_name);

/* Never returns. */
_Noreturn void control_run(int port, uint32_t working_set_mib);

#endif
