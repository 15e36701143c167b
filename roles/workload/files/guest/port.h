/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
/* virtio-serial ports by name, and serial lines by path. */
#ifndef STSM_PORT_H
#define STSM_PORT_H

/* Wait up to 5 s for the port to appear and open it. A name with a slash is a serial line: what goes over it stays as it
 * is. Returns a file descriptor or -1. */
int port_open(const char *name, int flags);

#endif
