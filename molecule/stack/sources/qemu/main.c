/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (c) 2026, the stsm.live_migration authors */

#include <stdio.h>

int main(void)
{
    puts("tiny QEMU with" FEATURES);
    return 0;
}
