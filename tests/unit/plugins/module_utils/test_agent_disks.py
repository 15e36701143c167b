# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images of a site's own guest: what is copied, what is made, what is never touched."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._agent import _disks
from ansible_collections.stsm.live_migration.plugins.module_utils._agent._disks import GuestDisks, local_disks
from ansible_collections.stsm.live_migration.plugins.module_utils._agent._errors import AgentError

UUID = "30275675-88ee-4e31-b453-8c831d44c972"
FILE = "<disk type='file' device='disk'><driver name='qemu' type='{kind}'/>{more}<target dev='{target}'/></disk>"


class FakeHypervisor:
    """A host on which one guest is in whatever state the test sets."""

    def __init__(self, xml: str = "") -> None:
        self.now = "absent"
        self.begun = False
        self._xml = xml

    def state(self, _guest: str) -> dict[str, str]:
        return {"state": self.now}

    def has_begun(self, _guest: str) -> bool:
        return self.begun

    def forget_begun(self, _guest: str) -> None:
        self.begun = False

    def domain(self, _guest: str) -> Any:
        return SimpleNamespace(
            XMLDesc=lambda: self._xml,
            UUIDString=lambda: UUID,
            blockInfo=lambda _path: [64 << 20, 3 << 20, 3 << 20],
        )


@pytest.fixture
def host() -> FakeHypervisor:
    return FakeHypervisor()


@pytest.fixture
def disks(host: FakeHypervisor, tmp_path: Path) -> GuestDisks:
    return GuestDisks(cast(Any, host), str(tmp_path / "ledger"))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_disks, "_LAST_SETTLE_SECONDS", 0.2)


def domain(*devices: str) -> str:
    return f"<domain><devices>{''.join(devices)}</devices></domain>"


def file_disk(path: str, target: str = "vda", kind: str = "raw", more: str = "") -> str:
    return FILE.format(kind=kind, target=target, more=f"<source file='{path}'>{more}</source>")


def image(path: Path, kind: str = "raw") -> dict[str, Any]:
    return {"target": "vda", "path": str(path), "format": kind, "virtual_bytes": 8 << 20, "allocated_bytes": 1 << 20}


def test_only_disks_that_a_copy_has_to_bring_are_found() -> None:
    xml = domain(
        file_disk("/images/db1.qcow2", "vda", "qcow2"),
        file_disk("/images/log.img", "vdb"),
        "<disk type='file' device='cdrom'><source file='/images/tool.iso'/><target dev='sda'/><readonly/></disk>",
        "<disk type='file' device='cdrom'><target dev='sdb'/><readonly/></disk>",
        "<disk type='network' device='disk'><source protocol='rbd' name='p/v'/><target dev='vdc'/></disk>",
        file_disk("/images/seed.img", "vdd").replace("</disk>", "<readonly/></disk>"),
        file_disk("/images/cluster.img", "vde").replace("</disk>", "<shareable/></disk>"),
    )
    assert local_disks(xml) == [
        {"target": "vda", "path": "/images/db1.qcow2", "format": "qcow2"},
        {"target": "vdb", "path": "/images/log.img", "format": "raw"},
    ]


@pytest.mark.parametrize(
    ("disk", "sentence"),
    [
        ("<disk type='block'><source dev='/dev/vg/db'/><target dev='vda'/></disk>", "vda is of type block"),
        ("<disk type='volume'><source pool='p' volume='v'/><target dev='vda'/></disk>", "vda is of type volume"),
        (file_disk("/images/db1.vmdk", kind="vmdk"), "has the format vmdk"),
        (
            file_disk("/images/db1.qcow2", kind="qcow2").replace(
                "</disk>", "<backingStore type='file'><source file='/images/base.qcow2'/></backingStore></disk>"
            ),
            "rests on a backing image.*blockpull",
        ),
        (file_disk("/images/db1.img", more="<encryption format='luks'/>"), "is encrypted"),
        (file_disk("/images/db1.qcow2", kind="qcow2", more="<dataStore type='file'/>"), "second file"),
    ],
)
def test_disk_that_cannot_be_copied_is_named_with_the_reason(disk: str, sentence: str) -> None:
    with pytest.raises(AgentError, match=sentence):
        local_disks(domain(disk))


def test_guest_is_described_with_the_sizes_of_its_disks(tmp_path: Path) -> None:
    host = FakeHypervisor(domain(file_disk("/images/db1.img")))
    assert GuestDisks(cast(Any, host), str(tmp_path)).describe("db1") == {
        "uuid": UUID,
        "disks": [
            {
                "target": "vda",
                "path": "/images/db1.img",
                "format": "raw",
                "virtual_bytes": 64 << 20,
                "allocated_bytes": 3 << 20,
            }
        ],
    }


def test_guest_without_a_disk_to_copy_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(AgentError, match="leave guest.copy_disks out"):
        GuestDisks(cast(Any, FakeHypervisor(domain())), str(tmp_path)).describe("db1")


def test_image_is_empty_and_as_large_as_the_guests_and_stays_if_the_guest_comes(
    host: FakeHypervisor, disks: GuestDisks, tmp_path: Path
) -> None:
    path = tmp_path / "db1.img"
    disks.make("db1", UUID, [image(path)])
    assert (path.stat().st_size, path.stat().st_blocks, path.stat().st_mode & 0o777) == (8 << 20, 0, 0o600)
    host.now = "running"
    assert disks.settle("db1") == "kept"
    assert path.exists()
    assert disks.settle("db1") == "none"


@pytest.mark.skipif(shutil.which("qemu-img") is None, reason="qemu-img is not here")
def test_qcow2_image_has_the_guests_size_and_no_backing_image(disks: GuestDisks, tmp_path: Path) -> None:
    path = tmp_path / "db1.qcow2"
    disks.make("db1", UUID, [image(path, "qcow2")])
    command = ["qemu-img", "info", "--output=json", str(path)]
    told = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert (told["format"], told["virtual-size"], "backing-filename" in told) == ("qcow2", 8 << 20, False)


def test_image_goes_if_the_guest_does_not_come(disks: GuestDisks, tmp_path: Path) -> None:
    disks.make("db1", UUID, [image(tmp_path / "db1.img")])
    assert disks.settle("db1") == "dropped"
    assert not (tmp_path / "db1.img").exists()


def test_image_of_a_guest_that_came_and_ended_at_once_is_the_guests(
    host: FakeHypervisor, disks: GuestDisks, tmp_path: Path
) -> None:
    disks.make("db1", UUID, [image(tmp_path / "db1.img")])
    host.begun = True
    assert disks.settle("db1") == "kept"
    assert (tmp_path / "db1.img").exists()


def test_image_of_a_guest_that_is_here_and_does_not_run_is_not_touched(
    host: FakeHypervisor, disks: GuestDisks, tmp_path: Path
) -> None:
    disks.make("db1", UUID, [image(tmp_path / "db1.img")])
    host.now = "paused"
    assert disks.settle("db1", 0.2) == "unclear"
    disks.settle_all()
    assert (tmp_path / "db1.img").exists()
    host.now = "absent"
    disks.settle_all()
    assert not (tmp_path / "db1.img").exists()


def test_end_of_the_session_settles_all_guests(disks: GuestDisks, tmp_path: Path) -> None:
    for guest in ("db1", "db2"):
        disks.make(guest, UUID, [image(tmp_path / f"{guest}.img")])
    disks.settle_all()
    assert list(tmp_path.glob("*.img")) == []


def test_file_of_somebody_else_is_never_overwritten(disks: GuestDisks, tmp_path: Path) -> None:
    other, mine = tmp_path / "db1.img", tmp_path / "log.img"
    other.write_text("precious")
    with pytest.raises(AgentError, match="db1.img exists here.*not overwritten"):
        disks.make("db1", UUID, [image(mine), image(other)])
    assert other.read_text() == "precious"
    assert not mine.exists()


def test_link_to_a_file_of_somebody_else_is_no_way_around(disks: GuestDisks, tmp_path: Path) -> None:
    (tmp_path / "db1.img").symlink_to(tmp_path / "nowhere")
    with pytest.raises(AgentError, match="exists here"):
        disks.make("db1", UUID, [image(tmp_path / "db1.img")])


def test_copy_that_the_guest_left_behind_gives_way_to_the_guest(
    host: FakeHypervisor, disks: GuestDisks, tmp_path: Path
) -> None:
    path = tmp_path / "db1.img"
    path.write_text("of yesterday")
    disks.note_left("db1", UUID, [image(path)])
    disks.make("db1", UUID, [image(path)])
    assert path.stat().st_size == 8 << 20
    host.now = "running"
    disks.settle("db1")
    assert [found.name for found in tmp_path.glob("db1*")] == ["db1.img"]
    assert path.stat().st_size == 8 << 20


def test_copy_that_the_guest_left_behind_is_back_if_the_guest_does_not_come(disks: GuestDisks, tmp_path: Path) -> None:
    path = tmp_path / "db1.img"
    path.write_text("of yesterday")
    disks.note_left("db1", UUID, [image(path)])
    for _attempt in range(2):
        disks.make("db1", UUID, [image(path)])
        assert disks.settle("db1") == "dropped"
        assert path.read_text() == "of yesterday"


@pytest.mark.parametrize("what", ["written", "replaced", "of another guest"])
def test_copy_that_somebody_used_since_is_not_overwritten(disks: GuestDisks, tmp_path: Path, what: str) -> None:
    path = tmp_path / "db1.img"
    path.write_text("of yesterday")
    disks.note_left("db1", UUID, [image(path)])
    if what == "written":
        path.write_text("of today....")
    elif what == "replaced":
        (tmp_path / "new").write_text("of yesterday")
        (tmp_path / "new").rename(path)
    kept = path.read_text()
    with pytest.raises(AgentError, match="not overwritten"):
        disks.make("db1", UUID if what != "of another guest" else UUID[::-1], [image(path)])
    assert path.read_text() == kept


def test_guest_that_is_still_here_leaves_nothing_behind(
    host: FakeHypervisor, disks: GuestDisks, tmp_path: Path
) -> None:
    (tmp_path / "db1.img").write_text("of today")
    host.now = "running"
    disks.note_left("db1", UUID, [image(tmp_path / "db1.img")])
    host.now = "absent"
    with pytest.raises(AgentError, match="not overwritten"):
        disks.make("db1", UUID, [image(tmp_path / "db1.img")])


def test_guest_that_is_defined_here_may_have_newer_disks(
    host: FakeHypervisor, disks: GuestDisks, tmp_path: Path
) -> None:
    host.now = "shutoff"
    with pytest.raises(AgentError, match="is defined here too.*virsh undefine db1"):
        disks.make("db1", UUID, [image(tmp_path / "db1.img")])


def test_folder_and_room_are_looked_at_before_anything_is_made(disks: GuestDisks, tmp_path: Path) -> None:
    with pytest.raises(AgentError, match="does not exist: make it"):
        disks.make("db1", UUID, [image(tmp_path / "db1.img"), image(tmp_path / "absent" / "log.img")])
    huge = {**image(tmp_path / "db1.img"), "virtual_bytes": 1 << 60, "allocated_bytes": 1 << 60}
    with pytest.raises(AgentError, match="MiB free, but the guest's disks need 1099511627776 MiB"):
        disks.make("db1", UUID, [huge])
    assert list(tmp_path.iterdir()) == []


def test_what_was_made_goes_when_the_next_disk_cannot_be_made(
    disks: GuestDisks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(AgentError, match="qemu-img is not installed"):
        disks.make("db1", UUID, [image(tmp_path / "db1.img"), image(tmp_path / "log.qcow2", "qcow2")])
    assert list(tmp_path.glob("*.*")) == []


def test_a_workload_guests_disk_is_made_once_and_leaves_nothing(tmp_path: Path) -> None:
    path, ledger = tmp_path / "guest.disk", tmp_path / "ledger"
    _disks.make_own_disk(str(path), 64 << 20, 3 << 20)
    status = path.stat()
    assert status.st_size == 64 << 20
    assert status.st_blocks == 0
    with pytest.raises(FileExistsError):
        _disks.make_own_disk(str(path), 64 << 20, 0)
    with pytest.raises(AgentError, match="make room"):
        _disks.make_own_disk(str(tmp_path / "huge.disk"), 1 << 60, 1 << 60)
    ledger.mkdir()
    for name, left in ((UUID, path), ("another", tmp_path / "other.disk")):
        (ledger / f"{name}.json").write_text(json.dumps({"guest": "g", "left": {str(left): [1, 2, 3, 4]}}))
    path.with_name(path.name + _disks.ASIDE_SUFFIX).touch()
    for _time in ("once", "twice"):
        _disks.discard_disk(str(path), str(ledger))
        assert list(tmp_path.glob("guest.disk*")) == []
        assert [entry.name for entry in ledger.iterdir()] == ["another.json"]
