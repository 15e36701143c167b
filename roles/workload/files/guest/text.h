/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
/* Text of bounded length, and JSON in it. */
#ifndef STSM_TEXT_H
#define STSM_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
	char *data; /* always ends with a 0 byte */
	size_t capacity;
	size_t length;
	bool cut; /* something did not fit */
};

struct text text_make(char *data, size_t capacity);

void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A JSON string in quotation marks; bytes outside printable ASCII are escaped one by one. */
void text_add_json_string(struct text *text, const char *value);

/* A finite number with up to 10 digits. */
void text_add_number(struct text *text, double value);

#endif
