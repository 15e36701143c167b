/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (c) 2026, the stsm.live_migration authors */

int main(void)
{
    return 0;
}
