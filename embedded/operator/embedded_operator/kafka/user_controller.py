"""Reconciles the KafkaUsers of a cluster together: three requests read what Kafka has."""

from __future__ import annotations

import hashlib
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from kafka.errors import KafkaError

from embedded_operator.common import names, status
from embedded_operator.common.kube import Kube, KubeError
from embedded_operator.common.names import Obj, dig, first_names
from embedded_operator.common.objects import decode
from embedded_operator.common.work import Key, Queue, Store, key_of
from embedded_operator.kafka import scram, users
from embedded_operator.kafka.admin import Admin, Errors
from embedded_operator.kafka.broker_config import INTERNAL_USERS
from embedded_operator.kafka.cluster import Clusters, ready_cluster
from embedded_operator.kafka.plan import Plan
from embedded_operator.kafka.users import Changes, Grants, InvalidUserError, User

log = logging.getLogger(__name__)

WRITERS = 8
"""Calls to the Kubernetes API at a time."""
RETRY = 5.0
"""Seconds until the users of a cluster are reconciled again after an error."""
KEPT = ("username", "secret")
"""Fields that a status keeps while the user is not as wanted."""


@dataclass(frozen=True)
class Pass:
    """One pass over the users of a cluster; `present` is what Kafka has when it begins."""

    namespace: str
    cluster: str
    plan: Plan
    admin: Admin
    present: Grants


@dataclass
class UserController:
    """The keys of its queue are clusters: to reconcile one user costs as much as to reconcile a hundred."""

    kube: Kube
    clusters: Clusters
    store: Store
    queue: Queue
    credentials: dict[tuple[str, str, str], str] = field(default_factory=dict)
    """Hash of the SCRAM password that was sent to Kafka last, by namespace, cluster and user."""

    def handle(self, keys: set[Key]) -> None:
        """Reconcile the users of these clusters; a cluster that is not ready comes again when it is."""
        for namespace, cluster in keys:
            if (found := ready_cluster(self.clusters.find(namespace, cluster), "userOperator")) is None:
                continue
            plan, admin = found
            try:
                acls = admin.acls() if plan.cluster.authorization else {}
                present = Grants(acls=acls, quotas=admin.quotas(), scram=admin.scram_users())
                self._reconcile(Pass(namespace, cluster, plan, admin, present))
            except KafkaError as error:
                log.warning("Users of Kafka %s: %s; tried again", cluster, error)
                self.queue.add([(namespace, cluster)], RETRY)

    def _resources(self, namespace: str, cluster: str) -> list[Obj]:
        return [
            item
            for item in self.store.all()
            if item["metadata"]["namespace"] == namespace
            and dig(item, "metadata", "labels", names.CLUSTER) == cluster
            and "deletionTimestamp" not in item["metadata"]
        ]

    def _reconcile(self, now: Pass) -> None:
        parsed: list[tuple[Obj, User]] = []
        untouched: set[str] = set()
        for item in self._resources(now.namespace, now.cluster):
            name = item["metadata"]["name"]
            if names.is_true(item, names.PAUSE):
                untouched |= {name, users.PREFIX + name}
                status.write(self.kube, item, {"conditions": [status.paused()]}, KEPT)
                continue
            try:
                parsed.append((item, users.parse(item, now.plan.cluster.authorization)))
            except InvalidUserError as error:
                untouched |= {name, users.PREFIX + name}
                self._failed(item, "InvalidResourceException", str(error))
        with ThreadPoolExecutor(WRITERS, "users") as pool:
            passwords: dict[Key, str | None] = {}
            for item, made in zip(parsed, pool.map(lambda pair: self._secret(pair[0], now.plan), parsed), strict=True):
                if made is not None:
                    passwords[key_of(item[0])] = made[0]
        parsed = [(item, user) for item, user in parsed if key_of(item) in passwords]
        errors = self._grant(now, [user for _, user in parsed], passwords, untouched)
        with ThreadPoolExecutor(WRITERS, "users") as pool:
            new = sum(pool.map(lambda pair: self._report(pair[0], pair[1], errors), parsed))
        if new:
            log.info("%d users of Kafka %s have become ready or changed", new, now.cluster)

    def _grant(self, now: Pass, wanted: list[User], passwords: dict[Key, str | None], untouched: set[str]) -> Errors:
        """Give each user what it must have and remove the rest. Returns what failed, by principal."""
        admin, present = now.admin, now.present
        internal = {user.format(cluster=now.cluster) for user in INTERNAL_USERS}
        internal |= set(now.plan.cluster.super_users) | untouched
        gone = users.leftovers(present, {user.principal for user in wanted}, internal)
        changes = Changes()
        for user in [*wanted, *gone]:
            users.compare(user, present, changes)
        new: dict[str, str] = {}
        for user in wanted:
            password = passwords.get((now.namespace, user.name))
            if password is not None and (
                user.principal not in present.scram
                or self.credentials.get((now.namespace, now.cluster, user.name)) != _hash(password)
            ):
                new[user.principal] = password
        errors = admin.alter_scram([scram.credential(name, new[name]) for name in sorted(new)], changes.forget)
        for name in new.keys() - errors.keys():
            self.credentials[(now.namespace, now.cluster, name)] = _hash(new[name])
        errors |= admin.create_acls(changes.add)
        errors |= admin.delete_acls(changes.remove)
        errors |= admin.alter_quotas(changes.quotas)
        if gone:
            log.info(
                "Removed the rights of users without a KafkaUser: %s", first_names([user.principal for user in gone])
            )
        for user in gone:
            self.credentials.pop((now.namespace, now.cluster, user.name), None)
            if error := errors.get(user.principal):
                log.warning("User %s is not removed completely: %s", user.principal, error)
                self.queue.add([(now.namespace, now.cluster)], RETRY)
        return errors

    def _secret(self, item: Obj, plan: Plan) -> tuple[str | None] | None:
        """Apply or delete the user's Secret. Returns its SCRAM password, (None,) without any, None after a failure."""
        namespace, name = key_of(item)
        found = self.kube.get("Secret", namespace, name)
        if found and dig(found, "metadata", "labels", names.KIND) != "KafkaUser":
            message = f"the Secret {name} exists and does not belong to this user; rename the user"
            self._failed(item, "InvalidResourceException", message)
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
                item, found, plan.clients_ca.pair, plan.cluster.clients_ca, status.now(), password_of
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
            self.queue.add([(namespace, item["metadata"]["labels"][names.CLUSTER])], RETRY)
            return None
        return (password,)

    def _report(self, item: Obj, user: User, errors: Errors) -> bool:
        """Write the user's status. Returns whether the user is ready and the status has changed."""
        state: Obj = {"username": user.principal}
        if user.authentication in ("tls", "scram-sha-512"):
            state["secret"] = user.name
        if error := errors.get(user.principal):
            self._failed(item, "KafkaError", str(error), state)
            self.queue.add([(item["metadata"]["namespace"], item["metadata"]["labels"][names.CLUSTER])], 10.0)
            return False
        return status.write(self.kube, item, {"conditions": [status.ready()], **state})

    def _failed(self, item: Obj, reason: str, message: str, state: Obj | None = None) -> None:
        """Report a failure as the user operator does."""
        conditions = [status.condition("Ready", False, reason, message)]
        status.report(self.kube, item, {"conditions": conditions, **(state or {})}, KEPT)


def _hash(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()
