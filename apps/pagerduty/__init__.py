"""A stand-in for PagerDuty's Events API v2, for clusters without an account and for tests.

It answers as the API documents (https://developer.pagerduty.com/docs/events-api-v2-overview), keeps alerts as the API
does (an open one takes repeats, a resolved one is followed by a new one), and fails when it is told to. It notifies
nobody and forgets everything when it ends.
"""
