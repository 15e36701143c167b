# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What preflight says of huge pages, of which this machine has none to spare."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.stsm.live_migration.plugins.module_utils._checks import _stack
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import Guest
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils.test_preflight import ASKED, refused, seen


def test_huge_pages_have_to_be_there_for_each_guest_at_each_end() -> None:
    guest = Guest(memory_mib=512, huge_page_kib=2048)
    assert _stack.huge_pages(seen(1), seen(2), ASKED) == []
    assert refused(_stack.huge_pages(seen(1), seen(2), replace(ASKED, guest=guest))) == []
    (found, _other) = refused(_stack.huge_pages(seen(1), seen(2), replace(ASKED, guest=guest, guests=2)))
    assert found[0] == "compute1"
    assert "compute1 has 300 huge pages of 2048 KiB free, and 512 are needed: set them aside" in found[1]
    giant = replace(guest, huge_page_kib=1 << 20)
    assert len(refused(_stack.huge_pages(seen(1), seen(2), replace(ASKED, guest=giant)))) == 2
