"""Checks that every port uses TLS, and when certificates end. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from ..config import naming
from ..kube.service_secrets import CA_SECRET, tls_secret
from . import declared as want
from . import seen
from .findings import Checked, Finding

DUE: Final = timedelta(days=21)
"""A certificate that ends sooner should be renewed already: 30 days before its end, done within a day."""

_YOURS: Final = "put the current authorities into its ca.crt, see docs/production.md"

_BY_HAND: Final = "docs/production.md describes renewal by hand"

_ENCRYPTED: Final = frozenset(("SSL", "SASL_SSL"))


def check_tls(
    declared: want.Declared, spec: Mapping[str, Any], protocols: Mapping[int, str], probes: Sequence[seen.Probe]
) -> Checked:
    """No listener and no service without TLS, and no listener or super user that nobody declared.

    spec: `spec.kafka` of the Kafka resource. protocols: what each broker says of its listeners.
    """
    findings = [*_listeners(declared, spec), *_brokers(protocols), *_probes(probes)]
    return Checked("tls", len(spec.get("listeners") or ()) + len(protocols) + len(probes), findings)


def _listeners(declared: want.Declared, spec: Mapping[str, Any]) -> Iterable[Finding]:
    wanted = {"tls", "scram", *(("external",) if declared.platform.kafka.external else ())}
    present: set[str] = set()
    for listener in spec.get("listeners") or ():
        name, what = str(listener["name"]), f"listener {listener['name']} (port {listener['port']})"
        present.add(name)
        if listener.get("tls") is not True:
            yield Finding("listener-plaintext", what, "TLS", "tls: false in the Kafka resource", "run `pulumi up`")
        if not listener.get("authentication"):
            said = "no authentication in the Kafka resource"
            yield Finding("listener-anonymous", what, "clients with credentials only", said, "run `pulumi up`")
        if name not in wanted:
            remedy = (
                "move its clients to another listener, then run `pulumi up`, which removes it from the Kafka resource"
            )
            yield Finding("listener-undeclared", what, "no such listener", "in the Kafka resource", remedy)
    for name in sorted(wanted - present):
        said = "not in the Kafka resource"
        yield Finding("listener-missing", f"listener {name}", "a listener with TLS", said, "run `pulumi up`")
    authorization: Mapping[str, Any] = spec.get("authorization") or {}
    if authorization.get("type") != "simple":
        seen_ = str(authorization.get("type") or "none")
        yield Finding(
            "authorization-off",
            "authorization",
            "simple: everything that is not allowed is refused",
            seen_,
            "run `pulumi up`",
        )
    for user in authorization.get("superUsers") or ():
        remedy = "run `pulumi up`; grant rights by name in the stack file"
        yield Finding("super-user", f"user {user}", "no super users", "may do everything", remedy)


def _brokers(protocols: Mapping[int, str]) -> Iterable[Finding]:
    for broker, text in sorted(protocols.items()):
        for entry in filter(None, text.split(",")):
            name, _, protocol = entry.rpartition(":")
            if protocol not in _ENCRYPTED:
                remedy = "run `pulumi up`, which removes the listener from the Kafka resource"
                what = f"listener {name} of broker {broker}"
                yield Finding("listener-plaintext", what, "TLS", f"{protocol} in the broker's settings", remedy)


def _probes(probes: Sequence[seen.Probe]) -> Iterable[Finding]:
    for probe in probes:
        if probe.speaks == "plaintext":
            remedy = "find out what opened the port; `pulumi up` restores the declared TLS"
            yield Finding("port-plaintext", probe.what, "TLS", "answers without TLS", remedy)
        elif probe.speaks == "nothing":
            remedy = "look at the pods behind it"
            yield Finding("port-silent", probe.what, "TLS", probe.problem or "no answer", remedy)
        elif probe.problem:
            remedy = "renew the certificate, see docs/production.md; `pulumi up` creates a missing one"
            yield Finding("tls-untrusted", probe.what, "a certificate that clients trust", probe.problem, remedy)


def check_certificates(
    declared: want.Declared,
    certificates: Sequence[seen.Certificate],
    now: datetime,
    due: timedelta = DUE,
    probes: Sequence[seen.Probe] = (),
) -> Checked:
    """Every certificate is there and long valid, and servers show the newest one. probes: what the ports answer."""
    findings = [*_missing(declared, certificates), *_served(certificates, probes, now, due)]
    for one in sorted(certificates, key=lambda found: (found.secret, found.key)):
        what = f"certificate {one.key} in Secret {one.secret}"
        if one.until is None:
            remedy = (
                _YOURS if _yours(declared, one) else "delete the Secret: the operator or `pulumi up` creates it again"
            )
            findings.append(Finding("certificate-unreadable", what, "a certificate", "not readable", remedy))
            continue
        left = one.until - now
        said = f"until {one.until.date().isoformat()}"
        if left <= timedelta():
            findings.append(
                Finding("certificate-expired", what, "valid", f"it ended {said[6:]}", _renewal(declared, one))
            )
        elif left < due:
            seen_ = f"{left.days} days left, {said}"
            wanted = f"at least {due.days} days left"
            findings.append(Finding("certificate-expiring", what, wanted, seen_, _renewal(declared, one)))
    shown = sum(probe.served is not None for probe in probes)
    return Checked("certificates", len(certificates) + shown, findings)


def _served(
    certificates: Sequence[seen.Certificate], probes: Sequence[seen.Probe], now: datetime, due: timedelta
) -> Iterable[Finding]:
    """A server that did not take a renewed certificate; its Secret looks well."""
    newest = {one.secret: one for one in certificates if one.key == "tls.crt" and one.digest}
    restart = "a part takes it within ten minutes; after that, restart the pods behind the port and report it"
    for probe in probes:
        shown = probe.served
        if shown is None:
            continue
        said = f"another one, until {shown.until.date().isoformat()}"
        own = newest.get(shown.secret)
        if own is not None and own.digest != shown.digest:
            wanted = f"the certificate of Secret {shown.secret}"
            yield Finding("certificate-stale", f"certificate of {probe.what}", wanted, said, restart)
        elif shown.until - now < due:
            wanted = f"at least {due.days} days left"
            seen_ = f"{(shown.until - now).days} days left, until {shown.until.date().isoformat()}"
            remedy = "renew the certificate, see docs/production.md; if its Secret has a newer one, restart the pods"
            yield Finding("certificate-expiring", f"certificate of {probe.what}", wanted, seen_, remedy)


def _renewal(declared: want.Declared, one: seen.Certificate) -> str:
    if _yours(declared, one):
        return _YOURS
    if one.secret.endswith("-tls") or one.secret == CA_SECRET:
        return f"find out why the CronJob service-secrets-renewal does not renew it; {_BY_HAND}"
    return f"find out why the operator does not renew it (its log names the Secret); {_BY_HAND}"


def _yours(declared: want.Declared, one: seen.Certificate) -> bool:
    return one.secret in declared.platform.endpoints.ca_secrets.named().values()


def _missing(declared: want.Declared, certificates: Sequence[seen.Certificate]) -> Iterable[Finding]:
    cluster, there = declared.platform.kafka.name, {one.secret for one in certificates}
    wanted = [naming.cluster_ca_secret(cluster), f"{cluster}-clients-ca-cert", *sorted(declared.users)]
    if declared.certificates:
        wanted += [CA_SECRET, *map(tls_secret, declared.certificates)]
    for secret in wanted:
        if secret not in there:
            what, remedy = f"certificate in Secret {secret}", "run `pulumi up`, and look at the operator's log"
            yield Finding("certificate-missing", what, "a certificate", "no Secret with one", remedy)
    for key, secret in declared.platform.endpoints.ca_secrets.named().items():
        if secret not in there:
            what, remedy = f"certificate in Secret {secret}", "create it, see docs/production.md"
            those = f"ca.crt with the authorities of endpoints.{key}"
            yield Finding("certificate-missing", what, those, "no Secret with one", remedy)
