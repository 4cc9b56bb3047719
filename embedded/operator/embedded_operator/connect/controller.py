"""Reconciles the KafkaConnectors of a Connect cluster together: one request returns the state of all connectors."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

from embedded_operator.common import names, status
from embedded_operator.common.kube import Kube
from embedded_operator.common.names import Obj, annotation, dig
from embedded_operator.common.reconciler import RESYNC
from embedded_operator.common.work import Key, Store, key_of
from embedded_operator.connect import connectors
from embedded_operator.connect.api import ConnectApi, ConnectError, Running
from embedded_operator.connect.cluster import Connects
from embedded_operator.connect.connectors import InvalidConnectorError

log = logging.getLogger(__name__)

WORKERS = 4
"""Connectors that are reconciled at a time."""
POLL = 30.0
"""Seconds between two passes while the connectors run."""
SETTLING = 2.0
"""Seconds until the next pass after a request to a connector."""
UNREAD = 20.0
"""Seconds that workers may take to read a configuration that they have accepted."""
PATIENCE = 60.0
"""Seconds that calls may fail before the status reports it: calls fail while workers restart or rebalance."""
KEPT = ("tasksMax", "topics", "autoRestart")
"""Fields that a status keeps while the state of the connector is not known."""


class Asked(NamedTuple):
    """A configuration that was sent for a connector; it is not sent again before `until` (time.monotonic)."""

    config: dict[str, str]
    accepted: bool
    until: float


@dataclass
class ConnectorController:
    """The keys of its queue are Connect clusters; connectors without a cluster have the key with an empty name."""

    kube: Kube
    connects: Connects
    store: Store
    failing: dict[Key, float] = field(default_factory=dict)
    """When calls for a connector began to fail (time.monotonic)."""
    asked: dict[Key, Asked] = field(default_factory=dict)
    """The configuration that was sent last for each connector."""

    def reconcile(self, namespace: str, cluster: str) -> float | None:
        """One pass over all connectors of a cluster; returns the seconds until the next pass, or None."""
        resources = self._resources(namespace, cluster)
        if not cluster:
            message = f"Resource lacks label '{names.CLUSTER}': No connect cluster in which to create this connector."
            return self._fail_all(resources, "InvalidResourceException", message)
        connect = self.kube.get("KafkaConnect", namespace, cluster)
        if connect is None or "deletionTimestamp" in connect["metadata"]:
            message = (
                f"KafkaConnect resource '{cluster}' identified by label '{names.CLUSTER}' does not exist in namespace "
                f"{namespace}."
            )
            return self._fail_all(resources, "NoSuchResourceException", message)
        if not names.is_true(connect, names.USE_CONNECTORS):
            message = f"KafkaConnect {cluster} is not configured with annotation {names.USE_CONNECTORS}"
            return self._fail_all(resources, "NoSuchResourceException", message)
        if not connect["spec"]["replicas"]:
            message = f"Kafka Connect cluster '{cluster}' in namespace {namespace} has 0 replicas."
            return self._fail_all(resources, "RuntimeException", message)
        if names.is_true(connect, names.PAUSE) or not self.connects.is_ready(namespace, cluster):
            return None  # when the cluster becomes ready, its connectors come again
        api = self.connects.api(names.connect_url(cluster, namespace))
        return self._reconcile_all(resources, api, (namespace, cluster))

    def _resources(self, namespace: str, cluster: str) -> list[Obj]:
        """The connectors from the API server: one that the watch has not reported yet is not deleted."""
        if cluster:
            found = self.kube.list("KafkaConnector", namespace, {names.CLUSTER: cluster})
        else:
            found = [
                item
                for item in self.store.all()
                if key_of(item)[0] == namespace and not dig(item, "metadata", "labels", names.CLUSTER)
            ]
        return [item for item in found if "deletionTimestamp" not in item["metadata"]]

    def _fail_all(self, resources: list[Obj], reason: str, message: str) -> None:
        for item in resources:
            self._failed(item, reason, message)

    def _reconcile_all(self, resources: list[Obj], api: ConnectApi, cluster: Key) -> float:
        try:
            running = api.connectors()
        except ConnectError as error:
            return self._wait_for_answer(resources, cluster, error)
        self.failing.pop(cluster, None)
        wanted = {item["metadata"]["name"] for item in resources}
        waits = [POLL, *(self._remove(api, (cluster[0], name)) for name in sorted(running.keys() - wanted))]
        with ThreadPoolExecutor(WORKERS, "connectors") as pool:
            waits += pool.map(
                lambda item: self._reconcile_one(item, running.get(item["metadata"]["name"]), api), resources
            )
        return min(waits)

    def _wait_for_answer(self, resources: list[Obj], key: Key, error: ConnectError) -> float:
        """Wait a while before the status says that calls fail."""
        since = self.failing.setdefault(key, time.monotonic())
        if time.monotonic() - since > PATIENCE:
            self._fail_all(resources, "ConnectRestException", str(error))
        return SETTLING

    def _remove(self, api: ConnectApi, key: Key) -> float:
        try:
            api.delete(key[1])
        except ConnectError as error:
            log.warning("Connector %s is not deleted yet: %s", key[1], error)
            return SETTLING
        log.info("Connector %s: deleted, because it has no KafkaConnector", key[1])
        self.asked.pop(key, None)
        return POLL

    def _reconcile_one(self, item: Obj, running: Running | None, api: ConnectApi) -> float:
        """Bring one connector to what its resource wants; returns the seconds until the next pass."""
        key = key_of(item)
        if names.is_true(item, names.PAUSE):
            status.write(self.kube, item, {"conditions": [status.paused()]}, keep=KEPT)
            return POLL
        try:
            wait = self._apply(item, connectors.desired_config(item), running, api)
        except InvalidConnectorError as error:
            self._failed(item, "InvalidResourceException", str(error))
            return POLL
        except ConnectError as error:
            if error.is_temporary:
                return self._wait_for_answer([item], key, error)
            self._failed(item, "ConnectRestException", str(error))
            return POLL
        self.failing.pop(key, None)
        return wait

    def _apply(self, item: Obj, config: dict[str, str], running: Running | None, api: ConnectApi) -> float:
        name, wanted = item["metadata"]["name"], connectors.wanted_state(item)
        if running is None or running.config != config:
            return self._configure(item, config, running, api)
        if verb := connectors.transition(wanted, running):
            log.info("Connector %s: %s", name, verb)
            api.change_state(name, verb)
            return SETTLING
        conditions = connectors.warnings(item)
        acted = self._restart_by_annotation(item, api, conditions)
        condition = connectors.condition(running)
        restarts, due = self._auto_restart(item, condition, wanted, api)
        if due == 0.0:
            acted = True
        state = {
            "conditions": [condition, *conditions],
            "connectorStatus": running.status,
            "tasksMax": dig(item, "spec", "tasksMax", default=len(running.status.get("tasks") or [])),
            "topics": api.topics(name),
            **({"autoRestart": restarts} if restarts else {}),
        }
        status.report(self.kube, item, state)
        if acted or not connectors.settled(wanted, running):
            return SETTLING
        return POLL if due is None else min(POLL, max(due, SETTLING))

    def _configure(self, item: Obj, config: dict[str, str], running: Running | None, api: ConnectApi) -> float:
        key, wanted = key_of(item), connectors.wanted_state(item)
        asked = self.asked.get(key)
        if asked and asked.config == config and time.monotonic() < asked.until:
            return SETTLING if asked.accepted else POLL
        try:
            if running is None and wanted != "running":
                api.create(key[1], config, connectors.STATES[wanted])
            else:
                api.configure(key[1], config)
        except ConnectError as error:
            if not error.is_temporary:
                self.asked[key] = Asked(config, False, time.monotonic() + RESYNC)
            raise
        log.info("Connector %s: %s", key[1], "created" if running is None else "configured")
        self.asked[key] = Asked(config, True, time.monotonic() + UNREAD)
        return SETTLING

    def _restart_by_annotation(self, item: Obj, api: ConnectApi, conditions: list[Obj]) -> bool:
        """Restart what annotations ask for; an annotation is removed when Kafka Connect has accepted the request.

        Returns whether Kafka Connect has accepted one. Problems are added to `conditions`.
        """
        name, accepted = item["metadata"]["name"], False
        restart, task = annotation(item, names.RESTART), annotation(item, names.RESTART_TASK)
        try:
            if restart and restart.lower() != "false":
                log.info("Connector %s: restarted (asked for by annotation)", name)
                api.restart(name, *connectors.restart_flags(restart))
                self._remove_annotation(item, names.RESTART)
                accepted = True
        except ConnectError as error:
            conditions.append(status.warning("RestartConnector", str(error)))
        try:
            if task is not None:
                number = int(task)
                log.info("Connector %s: task %d restarted (asked for by annotation)", name, number)
                api.restart_task(name, number)
                self._remove_annotation(item, names.RESTART_TASK)
                accepted = True
        except ValueError:
            message = f"the annotation {names.RESTART_TASK} is {task!r}, which is not the number of a task"
            conditions.append(status.warning("RestartConnectorTask", message))
        except ConnectError as error:
            conditions.append(status.warning("RestartConnectorTask", str(error)))
        return accepted

    def _remove_annotation(self, item: Obj, key: str) -> None:
        namespace, name = key_of(item)
        self.kube.patch("KafkaConnector", namespace, name, {"metadata": {"annotations": {key: None}}})

    def _auto_restart(self, item: Obj, condition: Obj, wanted: str, api: ConnectApi) -> tuple[Obj | None, float | None]:
        """`status.autoRestart`, and the seconds until the next restart: 0 for just done, None for never."""
        if condition["type"] == "Ready":
            return connectors.restarts_to_keep(item), None
        before = dig(item, "status", "autoRestart")
        due = connectors.restart_in(item) if wanted == "running" else None
        if due != 0.0:
            return before, due
        log.info("Connector %s: restarted (%s)", item["metadata"]["name"], condition["reason"])
        api.restart(item["metadata"]["name"], include_tasks=True, only_failed=True)
        return connectors.restarted(item), 0.0

    def _failed(self, item: Obj, reason: str, message: str) -> None:
        status.report(self.kube, item, {"conditions": [status.not_ready(reason, message)]}, KEPT)
