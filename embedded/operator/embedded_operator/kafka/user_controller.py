"""Reconciles the KafkaUsers of a cluster, all at once: what Kafka has is read in three requests."""

from __future__ import annotations

import hashlib
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from kafka.errors import KafkaError

from embedded_operator.common import names, status
from embedded_operator.common.kube import Kube, KubeError
from embedded_operator.common.names import Obj, dig, some
from embedded_operator.common.work import Key, Queue, Store, key_of
from embedded_operator.kafka import scram, users
from embedded_operator.kafka.admin import Admin, Errors
from embedded_operator.kafka.authorities import decode
from embedded_operator.kafka.broker_config import INTERNAL_USERS
from embedded_operator.kafka.cluster import Clusters, Live
from embedded_operator.kafka.users import Changes, Grants, InvalidUserError, User

log = logging.getLogger(__name__)

WRITERS = 8
"""Calls to the Kubernetes API at a time."""


@dataclass
class UserController:
    """Keys of its queue are clusters: one user's change and a hundred cost about the same."""

    kube: Kube
    clusters: Clusters
    store: Store
    queue: Queue
    credentials: dict[tuple[str, str, str], str] = field(default_factory=dict)
    """Hash of the SCRAM password that Kafka was given last, by namespace, cluster and user."""

    def handle(self, keys: set[Key]) -> None:
        for namespace, cluster in keys:
            live = self.clusters.find(namespace, cluster)
            if live is None or live.plan is None or live.admin is None:
                continue  # when the cluster is ready, it comes again
            if dig(live.plan.cluster.resource, "spec", "entityOperator", "userOperator") is None:
                continue
            try:
                self._reconcile(namespace, cluster, live, live.admin)
            except KafkaError as error:
                log.warning("Users of Kafka %s: %s; tried again", cluster, error)
                self.queue.add([(namespace, cluster)], 5.0)

    def _resources(self, namespace: str, cluster: str) -> list[Obj]:
        return [
            item
            for item in self.store.all()
            if item["metadata"]["namespace"] == namespace
            and dig(item, "metadata", "labels", names.CLUSTER) == cluster
            and "deletionTimestamp" not in item["metadata"]
        ]

    def _reconcile(self, namespace: str, cluster: str, live: Live, admin: Admin) -> None:
        assert live.plan
        spec = live.plan.cluster
        present = Grants(
            acls=admin.acls() if spec.authorization else {}, quotas=admin.quotas(), scram=admin.scram_users()
        )
        parsed: list[tuple[Obj, User]] = []
        untouched: set[str] = set()
        for item in self._resources(namespace, cluster):
            name = item["metadata"]["name"]
            if names.is_true(item, names.PAUSE):
                untouched |= {name, users.PREFIX + name}
                status.write(self.kube, item, {"conditions": [status.paused()]}, keep=("username", "secret"))
                continue
            try:
                parsed.append((item, users.parse(item, spec.authorization)))
            except InvalidUserError as error:
                untouched |= {name, users.PREFIX + name}
                self._failed(item, "InvalidResourceException", str(error))
        with ThreadPoolExecutor(WRITERS, "users") as pool:
            passwords: dict[Key, str | None] = {}
            for item, made in zip(parsed, pool.map(lambda pair: self._secret(pair[0], live), parsed), strict=True):
                if made is not None:
                    passwords[key_of(item[0])] = made[0]
        parsed = [(item, user) for item, user in parsed if key_of(item) in passwords]
        errors = self._grant(
            namespace, cluster, [user for _, user in parsed], passwords, present, untouched, live, admin
        )
        with ThreadPoolExecutor(WRITERS, "users") as pool:
            new = sum(pool.map(lambda pair: self._report(pair[0], pair[1], errors), parsed))
        if new:
            log.info("%d users of Kafka %s have become ready or changed", new, cluster)

    def _grant(
        self,
        namespace: str,
        cluster: str,
        wanted: list[User],
        passwords: dict[Key, str | None],
        present: Grants,
        untouched: set[str],
        live: Live,
        admin: Admin,
    ) -> Errors:
        """Give each user what it shall have and take the rest away; what failed, by principal."""
        assert live.plan
        internal = {user.format(cluster=cluster) for user in INTERNAL_USERS}
        internal |= set(live.plan.cluster.super_users) | untouched
        gone = users.leftovers(present, {user.principal for user in wanted}, internal)
        changes = Changes()
        for user in [*wanted, *gone]:
            users.compare(user, present, changes)
        new: dict[str, str] = {}
        for user in wanted:
            password = passwords.get((namespace, user.name))
            if password is not None and (
                user.principal not in present.scram
                or self.credentials.get((namespace, cluster, user.name)) != _hash(password)
            ):
                new[user.principal] = password
        errors = admin.alter_scram([scram.credential(name, new[name]) for name in sorted(new)], changes.forget)
        for name in new.keys() - errors.keys():
            self.credentials[(namespace, cluster, name)] = _hash(new[name])
        errors |= admin.create_acls(changes.add)
        errors |= admin.delete_acls(changes.remove)
        errors |= admin.alter_quotas(changes.quotas)
        if gone:
            log.info("Removed what users without KafkaUser had: %s", some([user.principal for user in gone]))
        for user in gone:
            self.credentials.pop((namespace, cluster, user.name), None)
            if error := errors.get(user.principal):
                log.warning("User %s is not removed completely: %s", user.principal, error)
                self.queue.add([(namespace, cluster)], 5.0)
        return errors

    def _secret(self, item: Obj, live: Live) -> tuple[str | None] | None:
        """Bring the user's Secret in place; its SCRAM password, or (None,) when it has none. None when that failed."""
        assert live.plan
        namespace, name = key_of(item)
        found = self.kube.get("Secret", namespace, name)
        if found and dig(found, "metadata", "labels", names.KIND) != "KafkaUser":
            self._failed(
                item, "InvalidResourceException", f"the Secret {name} exists and is not this user's; rename one"
            )
            return None

        def password_of(secret: str, key: str) -> str:
            value = decode(self.kube.get("Secret", namespace, secret), key)
            if not value:
                raise InvalidUserError(
                    f"spec.authentication.password: Secret {secret} has no key {key}, or it is empty"
                )
            return value

        try:
            made, password = users.secret(
                item, found, live.plan.clients_ca.pair, live.plan.cluster.clients_ca, status.now(), password_of
            )
            if made:
                self.kube.apply(made)
            elif found:
                self.kube.delete("Secret", namespace, name, found["metadata"]["uid"])
        except InvalidUserError as error:
            self._failed(item, "InvalidResourceException", str(error))
            return None
        except KubeError as error:
            self._failed(item, "KubernetesError", str(error))
            self.queue.add([(namespace, item["metadata"]["labels"][names.CLUSTER])], 5.0)
            return None
        return (password,)

    def _report(self, item: Obj, user: User, errors: Errors) -> bool:
        """Write the user's status; whether it is ready and that is news."""
        state: Obj = {"username": user.principal}
        if user.authentication in ("tls", "scram-sha-512"):
            state["secret"] = user.name
        if error := errors.get(user.principal):
            self._failed(item, "KafkaError", str(error), state)
            self.queue.add([(item["metadata"]["namespace"], item["metadata"]["labels"][names.CLUSTER])], 10.0)
            return False
        return status.write(self.kube, item, {"conditions": [status.ready()], **state})

    def _failed(self, item: Obj, reason: str, message: str, state: Obj | None = None) -> None:
        """Failure as the user operator reports it."""
        conditions = [status.condition("Ready", False, reason, message)]
        if status.write(self.kube, item, {"conditions": conditions, **(state or {})}, keep=("username", "secret")):
            log.warning("KafkaUser %s: %s", item["metadata"]["name"], message)
            status.event(self.kube, item, reason, message)


def _hash(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()
