/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
/* The channel of results: JSON lines kept in guest memory until the host has taken them. */
#ifndef STSM_CHANNEL_H
#define STSM_CHANNEL_H

/* Open the virtio-serial port and start the writer. Ends the guest when there is no such port. */
void channel_start(const char *port_name);

/* Add the line {"sequence":N,"guest_ns":T,"kind":"KIND"MEMBERS}; members begins with a comma or is empty. Never waits
 * for the host. When the memory for waiting lines is full, the line is dropped and its number is missing. */
void channel_post(const char *kind, const char *members);

#endif
