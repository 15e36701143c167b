/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
/* Numbers written by people and programs: plain digits only, the whole word or nothing. */
#ifndef STSM_NUMBER_H
#define STSM_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* "0", "17"; no sign, no overflow. */
bool number_parse_uint(const char *word, uint64_t *value);

/* "0", "17", "0.5"; no sign, no exponent, no nan. */
bool number_parse_decimal(const char *word, double *value);

#endif
