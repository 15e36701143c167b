/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
/* Carries out one command on the workload. */
#ifndef STSM_EXECUTE_H
#define STSM_EXECUTE_H

#include "worker.h"
#include "workload.h"

void execute(struct workload *workload, const struct command *command, struct outcome *outcome);

#endif
