/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#include "echo.h"

#include <string.h>

#define MAGIC "STSM"
#define REQUEST_HEAD_BYTES 16u
#define GUEST_NS_OFFSET 16u
#define TOUCHED_PAGES_OFFSET 24u

static void put_little_endian(uint8_t *target, uint64_t value)
{
	for (unsigned int byte = 0; byte < 8u; byte++)
		target[byte] = (uint8_t)(value >> (8u * byte));
}

size_t echo_answer(const uint8_t *request, size_t request_bytes, uint64_t guest_ns, uint64_t touched_pages,
		   uint8_t answer[ECHO_BYTES])
{
	if (request_bytes < REQUEST_HEAD_BYTES || memcmp(request, MAGIC, sizeof(MAGIC) - 1u) != 0)
		return 0;
	memset(answer, 0, ECHO_BYTES);
	memcpy(answer, request, REQUEST_HEAD_BYTES);
	put_little_endian(answer + GUEST_NS_OFFSET, guest_ns);
	put_little_endian(answer + TOUCHED_PAGES_OFFSET, touched_pages);
	return ECHO_BYTES;
}
