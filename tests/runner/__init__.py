# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The test runner behind `make test`: runs the parts that the changes call for, fails fast, keeps a deadline."""
