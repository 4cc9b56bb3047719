"""The API server of Kubernetes, in memory."""

from __future__ import annotations

import copy

from embedded_operator.common.kube import KubeError
from embedded_operator.common.names import Obj


class FakeKube:
    """Keeps objects; NodePort Services get a port, pods become ready when the test says so."""

    def __init__(self, *objects: Obj) -> None:
        self.objects = {(item["kind"], item["metadata"]["name"]): copy.deepcopy(item) for item in objects}
        self.deleted: list[str] = []
        self.refuse: KubeError | None = None

    def get(self, kind: str, namespace: str, name: str) -> Obj | None:
        return copy.deepcopy(self.objects.get((kind, name)))

    def list(self, kind: str, namespace: str, labels: dict[str, str] | None = None) -> list[Obj]:
        wanted = (labels or {}).items()
        return [
            copy.deepcopy(item)
            for (found, _), item in sorted(self.objects.items())
            if found == kind and wanted <= (item["metadata"].get("labels") or {}).items()
        ]

    def apply(self, obj: Obj) -> Obj:
        if self.refuse and obj["kind"] == "Service":
            raise self.refuse
        made = copy.deepcopy(obj)
        if made["kind"] == "Service":
            for port in made["spec"]["ports"]:
                port.setdefault("nodePort", 30000)
        self.objects[(made["kind"], made["metadata"]["name"])] = made
        return made

    def create(self, obj: Obj) -> Obj:
        made = copy.deepcopy(obj)
        made["metadata"]["uid"] = f"uid-{len(self.deleted)}"
        self.objects[(made["kind"], made["metadata"]["name"])] = made
        return made

    def delete(self, kind: str, namespace: str, name: str, uid: str | None = None, grace: int | None = None) -> None:
        if grace:
            self.objects[(kind, name)]["metadata"]["deletionGracePeriodSeconds"] = grace
            return
        if self.objects.pop((kind, name), None):
            self.deleted.append(name)

    def patch(self, kind: str, namespace: str, name: str, body: Obj, subresource: str = "") -> None:
        for key, value in ((body.get("metadata") or {}).get("annotations") or {}).items():
            annotations = self.objects[(kind, name)]["metadata"].setdefault("annotations", {})
            annotations.pop(key, None) if value is None else annotations.update({key: value})
        if subresource == "status":
            state = self.objects[(kind, name)].setdefault("status", {})
            state.update(body["status"])
            for key in [key for key, value in state.items() if value is None]:
                del state[key]

    def conditions(self, kind: str = "Kafka", name: str = "logs") -> dict[str, str | None]:
        return {item["type"]: item.get("reason") for item in self.objects[(kind, name)]["status"]["conditions"]}

    def start(self, *pods: str) -> None:
        for name in pods:
            ready = {"phase": "Running", "hostIP": "10.0.0.9", "conditions": [{"type": "Ready", "status": "True"}]}
            self.objects[("Pod", name)]["status"] = ready

    def pods(self) -> list[str]:
        return [name for kind, name in sorted(self.objects) if kind == "Pod"]
