/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
/* A guest that only answers is heard of by nobody after its move if QEMU's few announcements got lost: those who ask go on
 * asking where it was, and it is not asked. One that serves somebody says something all the time, and so does this one. */
#ifndef STSM_BEACON_H
#define STSM_BEACON_H

/* Start the thread that sends a short frame to everybody on the interface, ten times a second. */
void beacon_start(const char *interface);

#endif
