"""The pager: critical errors become incidents in PagerDuty."""
