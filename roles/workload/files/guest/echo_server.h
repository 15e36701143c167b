/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#ifndef STSM_ECHO_SERVER_H
#define STSM_ECHO_SERVER_H

/* Start the thread that answers probes on UDP port 7, with real-time priority. */
void echo_server_start(void);

#endif
