/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#include "number.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool number_parse_uint(const char *word, uint64_t *value)
{
	if (*word == '\0' || strspn(word, "0123456789") != strlen(word))
		return false;
	errno = 0;
	*value = strtoull(word, NULL, 10);
	return errno == 0;
}

bool number_parse_decimal(const char *word, double *value)
{
	char *end;

	if (*word < '0' || *word > '9' || strspn(word, "0123456789.") != strlen(word))
		return false;
	*value = strtod(word, &end);
	return *end == '\0';
}
