# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver nova against answers that a cloud (OpenStack 2025.1) gave, and ones that it cannot be asked to give."""

from __future__ import annotations

import itertools
import time
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._drivers import _nova
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._nova import _cloud
from ansible_collections.stsm.live_migration.plugins.module_utils._nova._instance import Instance, InstanceGuest
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario

SERVER_ID = "03cde1bd-b5f9-4d6d-be1e-b6874d3d035e"
GUEST = "instance-00000001"
SERVER = {
    "id": SERVER_ID,
    "name": "stsm-guest",
    "status": "ACTIVE",
    "metadata": {"stsm": "stsm.live_migration workload guest 54e0"},
    "OS-EXT-SRV-ATTR:host": "compute2",
    "OS-EXT-SRV-ATTR:instance_name": GUEST,
    "OS-EXT-STS:task_state": None,
}
MIGRATION = {
    "id": 5,
    "uuid": "0cda377a-4d6d-43c7-b38a-57876d40a832",
    "source_compute": "compute1",
    "status": "completed",
    "created_at": "2026-11-29T08:40:45.000000",
    "updated_at": "2026-11-29T08:41:12.000000",
}
STATE_REFUSED = f"Instance {SERVER_ID} is in an invalid state for 'force_complete'"
FAST, SLOW = 200, 10


class RecordedCloud:
    """Answers the requests of a migration as a cloud did: its *statuses* one after another, the last one for ever."""

    def __init__(self, *statuses: str, task_states: tuple[str | None, ...] = (None,)) -> None:
        self._statuses = self._each(statuses)
        self._task_states = self._each(task_states)
        self.asked: list[tuple[str, str, Any]] = []
        self.refuses: dict[str, tuple[int, str]] = {}
        self.is_asked = False
        # What the library has for each service.
        self.compute = self

    @staticmethod
    def _each(values: tuple[Any, ...]) -> Any:
        return itertools.chain(values, itertools.repeat(values[-1]))

    def request(
        self, path: str, method: str, json: Any, params: dict[str, str], microversion: str, connect_retries: int
    ) -> Any:
        assert microversion == "2.80"
        # What asks for an action is never repeated.
        assert (connect_retries == 0) == (method == "POST")
        if method != "GET":
            self.asked.append((method, path, json))
        for part, (code, words) in self.refuses.items():
            if method != "GET" and part in str(json):
                return answer({"conflictingRequest": {"code": code, "message": words}}, code)
        if path == "/os-migrations":
            found = [{**MIGRATION, "status": next(self._statuses)}] if self.is_asked else []
            return answer({"migrations": found, "migrations_links": []})
        if path == "/os-services":
            return answer({"services": [{"host": params["host"], "state": "down"}]})
        if path == f"/servers/{SERVER_ID}":
            return answer({"server": {**SERVER, "OS-EXT-STS:task_state": next(self._task_states)}})
        if path.endswith("/os-instance-actions"):
            return answer({"instanceActions": [{"action": "live-migration", "request_id": "req-1"}]})
        if path.endswith("/os-instance-actions/req-1"):
            event = {"event": "compute_live_migration", "start_time": "a", "finish_time": "b", "result": "Success"}
            return answer({"instanceAction": {"events": [{**event, "traceback": None}]}})
        self.is_asked = self.is_asked or "os-migrateLive" in str(json)
        return answer(None, 202)


def answer(body: Any, code: int = 200) -> Any:
    return SimpleNamespace(status_code=code, content=b"x" if body is not None else b"", json=lambda: body)


class Agent:
    """The agent of a host: keeps what it is told, and notices what a test gives it."""

    def __init__(self, name: str) -> None:
        self.host = SimpleNamespace(name=name, libvirt_name=name)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.given: dict[str, list[dict[str, Any]]] = {}
        self.finished: dict[str, Any] | None = None

    def call(self, name: str, _timeout_seconds: float = 0, **arguments: Any) -> Any:
        self.calls.append((name, arguments))
        if name == "nova_log_bytes":
            return 70
        if name == "nova_log":
            assert arguments == {"instance": SERVER_ID, "since_bytes": 70}
            return [{"time_of_day_ms": 5 if self.host.name == "compute1" else 3, "message": "said"}]
        if name == "conclude_migration" and self.finished is None:
            end = {"start_ns": 1, "end_ns": time.monotonic_ns(), "switch_requested_ns": None, "abort_reason": None}
            self.finished = {**end, "error": arguments["error"]}
        return None

    def notices(self, kind: str, guest: str) -> list[dict[str, Any]]:
        assert guest == GUEST
        return self.given.get(kind, [])

    def wait_for(self, _kind: str, _timeout_seconds: float, guest: str) -> Any:
        return self.finished

    def told(self, name: str) -> list[dict[str, Any]]:
        return [arguments for called, arguments in self.calls if called == name]


@pytest.fixture(autouse=True)
def _prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_nova, "_LOOK_SECONDS", 0.0)


def cloud_of(recorded: RecordedCloud) -> _cloud.Cloud:
    return _cloud.Cloud(_cloud.CloudChoice("stsm"), recorded)


def migrate(recorded: RecordedCloud, source: Agent, rate: int = SLOW, strategy: str = "hybrid") -> dict[str, Any]:
    scenario = Scenario.from_dict(
        {
            "driver": "nova",
            "link": {"rate_mbit_per_second": 1000},
            "workload": {"dirty_rate_mib_per_second": rate},
            "strategy": {"name": strategy},
        }
    )
    instance = Instance(cloud_of(recorded), SERVER_ID)
    driver = _nova.NovaDriver(GUEST, source, Agent("compute2"), instance)  # type: ignore[arg-type]
    return driver.migrate(scenario, persistent=False, interrupted=lambda: False)


def test_time_line_goes_from_the_request_to_what_nova_calls_the_end() -> None:
    recorded, source = RecordedCloud("accepted", "queued", "preparing", "running", "completed"), Agent("compute1")
    source.given["nova_job"] = [{"at_ns": 10, "state": "begun"}, {"at_ns": 20, "state": "ended"}]
    account = migrate(recorded, source, strategy="pre-copy")
    assert recorded.asked[0][2] == {"os-migrateLive": {"host": "compute2", "block_migration": "auto"}}
    told = account["nova"]
    statuses = ["accepted", "queued", "preparing", "running", "completed"]
    assert [entry["status"] for entry in told["statuses"]] == statuses
    assert account["start_ns"] == told["requested_ns"] <= told["accepted_ns"] <= told["ended_ns"]
    assert (told["libvirt_begun_ns"], told["libvirt_ended_ns"]) == (10, 20)
    assert account["error"] is None
    assert told["steps"][0]["event"] == "compute_live_migration"
    assert [(line["host"], line["time_of_day_ms"]) for line in told["log"]] == [("destination", 3), ("source", 5)]


def test_post_copy_is_not_taken_for_the_end_and_the_server_is_waited_for() -> None:
    recorded = RecordedCloud(
        "running", "running (post-copy)", "completed", task_states=("migrating", "migrating", None)
    )
    source = Agent("compute1")
    assert migrate(recorded, source)["error"] is None
    assert source.told("conclude_migration") == [{"guest": GUEST, "error": None}]


def test_order_to_switch_is_handed_on_while_nova_calls_it_running_and_once() -> None:
    recorded, source = RecordedCloud("preparing", "running", "running", "running", "completed"), Agent("compute1")
    source.given["switch_due"] = [{"at_ns": 7}]
    account = migrate(recorded, source, FAST)
    orders = [(path, body) for _method, path, body in recorded.asked if body == {"force_complete": None}]
    assert orders == [(f"/servers/{SERVER_ID}/migrations/5/action", {"force_complete": None})]
    assert len(source.told("confirm_switch")) == 1
    assert account["nova"]["switch_due_ns"] == 7
    assert account["nova"]["switch_requested_ns"] <= account["nova"]["switch_accepted_ns"]


def test_order_that_nova_refuses_is_kept_and_the_migration_goes_on() -> None:
    recorded, source = RecordedCloud("running", "running", "running", "completed"), Agent("compute1")
    source.given["switch_due"] = [{"at_ns": 7}]
    recorded.refuses["force_complete"] = (409, STATE_REFUSED)
    account = migrate(recorded, source, FAST)
    assert STATE_REFUSED in account["nova"]["problem"]
    assert source.told("confirm_switch") == []
    assert account["error"] is None


@pytest.mark.parametrize("status", ["failed", "error", "cancelled"])
def test_migration_that_nova_gives_up_says_so(status: str) -> None:
    account = migrate(RecordedCloud("queued", status, task_states=("migrating", None)), Agent("compute1"))
    assert account["error"].startswith(f"Nova calls the migration {status}")


def test_refused_request_is_the_error_of_the_record() -> None:
    recorded = RecordedCloud("accepted")
    recorded.refuses["os-migrateLive"] = (409, "Cannot live migrate while it is in task_state migrating")
    account = migrate(recorded, Agent("compute1"))
    assert "Cannot live migrate while it is in task_state migrating" in account["error"]


def test_end_that_nova_does_not_notice_is_told_with_the_state_of_its_services(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_nova, "_NOTICE_SECONDS", 0.0)
    source = Agent("compute1")
    source.given["nova_job"] = [{"at_ns": 1, "state": "begun"}]
    source.given["event"] = [{"event": "MIGRATION", "at_ns": 1, "data": {"status": "completed"}}]
    account = migrate(RecordedCloud("running"), source)
    assert "Nova still calls it running; nova-compute on compute1 is down" in account["error"]


def test_migration_that_never_comes_to_libvirt_ends_with_the_service_that_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_nova, "_NOTICE_SECONDS", 0.0)
    account = migrate(RecordedCloud("preparing"), Agent("compute1"))
    assert account["error"].startswith("Nova has not asked libvirt for the migration; nova-compute on compute1 is down")


def test_migration_that_libvirt_is_at_goes_on_without_nova(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_nova, "_NOTICE_SECONDS", 0.0)
    source = Agent("compute1")
    source.given["nova_job"] = [{"at_ns": 10, "state": "begun"}]
    assert migrate(RecordedCloud("running", "running", "completed"), source)["error"] is None


def test_who_switches_depends_on_whether_the_guest_would_converge_meanwhile() -> None:
    for rate, by in ((SLOW, "libvirt"), (FAST, "nova")):
        source = Agent("compute1")
        migrate(RecordedCloud("completed"), source, rate)
        assert source.told("watch_migration")[0]["request"]["switch_by"] == by


def test_server_of_a_site_is_never_ended() -> None:
    recorded = RecordedCloud("completed")
    cloud = cloud_of(recorded)
    cloud.servers = lambda _names: [{**SERVER, "metadata": {}}]  # type: ignore[method-assign]
    scenario = Scenario.from_dict(
        {"link": {"rate_mbit_per_second": 1}, "workload": {"pattern": "idle"}, "strategy": {"name": "pre-copy"}}
    )
    facts = {"compute1": {"workload_digest": "d"}}
    guest = InstanceGuest(scenario.guest, 1, None, [Agent("compute1")], facts, cloud)  # type: ignore[arg-type, list-item]
    with pytest.raises(InstrumentError, match="is a site's own and not the workload guest"):
        guest.locate()
    with pytest.raises(InstrumentError, match="is a site's own"):
        guest.end()
    assert recorded.asked == []
