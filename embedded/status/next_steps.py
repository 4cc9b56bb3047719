"""The commands that the report suggests at its end."""

from __future__ import annotations

from kafkalogs.client.reach import inside

from embedded.build.progress import console
from embedded.status.platform import Platform


def show_next_steps(platform: Platform) -> None:
    """Print commands with which a person explores the platform."""
    services, namespace = platform.catalog.services, platform.access.namespace
    service = "nginx" if "nginx" in services else next(iter(services))
    lines = [
        'eval "$(make -s env)"                                  # pulumi, kubectl and kafkalogs in this shell',
        f"kafkalogs replay /var/log/dpkg.log --service {service}    # a log file of yours, as events",
        f"kubectl get kafka,kafkatopics,kafkausers -n {namespace}",
        *part_commands(platform),
        "$EDITOR stacks/Pulumi.local.yaml && pulumi up -s local   # one line is one more service",
        "make test                                              # on a cluster of its own, beside this one",
        "make down                                              # removes all of it",
    ]
    console.print("[bold]Next[/bold]", markup=True)
    console.print("\n".join(f"  {line}" for line in lines), markup=False)


def part_commands(platform: Platform) -> list[str]:
    """Commands for the existing parts; no command contains a password."""
    kubectl = f"kubectl -n {platform.access.namespace}"
    lines: list[str] = []
    search = platform.connectors.get("search")
    if search and inside(search["spec"]["config"]["search.url"]):
        login = 'user = "{{.data.username | base64decode}}:{{.data.password | base64decode}}"'
        authority = '{{index .data "ca.crt" | base64decode}}'
        lines += [
            f"{kubectl} port-forward service/elasticsearch 9200 &   # and then the newest errors:",
            f"curl -sSK <({kubectl} get secret search-reader-credentials \\",
            f"    -o go-template='{login}') \\",
            f"  --cacert <({kubectl} get secret platform-ca -o go-template='{authority}') \\",
            "  'https://localhost:9200/logs-*/_search?q=level:error&sort=@timestamp:desc&size=3&pretty'",
        ]
    if "pagerduty" in platform.services:
        lines.append(f"{kubectl} exec deploy/pagerduty -- python3 -m pagerduty incidents   # who was paged, and why")
    if "prometheus" in platform.services:
        lines += [
            f"{kubectl} port-forward service/prometheus 9090   # then https://localhost:9090/alerts",
            f"{kubectl} get configmap kafkalogs-dashboards     # dashboards for Grafana",
        ]
    return lines
