"""Prometheus, Alertmanager, alert rules and dashboards."""
