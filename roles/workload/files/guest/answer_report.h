/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#ifndef STSM_ANSWER_REPORT_H
#define STSM_ANSWER_REPORT_H

#include "text.h"
#include "window.h"

#include <stdint.h>

/* Members of a report on the window from its start to now_ns. */
void answer_report_write(struct text *text, const struct window *window, uint64_t now_ns);

#endif
