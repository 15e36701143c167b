/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
/* Options of the kernel command line. */
#ifndef STSM_OPTIONS_H
#define STSM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPTIONS_MESSAGE_BYTES 256u
#define OPTIONS_SERIAL_BYTES 16u

struct options {
	bool has_address;
	uint32_t address; /* host byte order */
	uint32_t prefix_length;
	uint32_t working_set_mib;
	uint64_t seed;
	uint32_t written_disk_mib; /* 0: the disk, if there is one, is left alone */
	char serial[OPTIONS_SERIAL_BYTES]; /* path of a serial line instead of the ports, or empty */
};

/* Read the words that begin with "stsm."; others belong to the kernel. The line is cut up on the way. False with one
 * sentence in message when such a word is unknown or wrong. */
bool options_parse(char *line, struct options *options, char message[OPTIONS_MESSAGE_BYTES]);

#endif
