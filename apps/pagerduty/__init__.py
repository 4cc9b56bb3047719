"""A stand-in for PagerDuty's Events API v2, for clusters without an account and for tests.

It answers as in the API's documentation (https://developer.pagerduty.com/docs/events-api-v2-overview), groups alerts
like the API (a repeat updates an open alert, and after a resolved one starts a new alert), and can fail on demand. It
notifies nobody, and loses all data when it ends.
"""
