/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#ifndef STSM_FATAL_H
#define STSM_FATAL_H

/* Print one sentence on the console and switch the guest off: a guest that cannot work must not look alive. */
_Noreturn void fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
