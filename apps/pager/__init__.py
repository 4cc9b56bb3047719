"""The pager: turns records of ``errors.critical`` into incidents in PagerDuty.

One process (``python3 -m pager``) reads the topic and keeps one incident for each service and class of error. The first
record opens the incident, updates report the number of repeats, and a time without records resolves the incident. A
record's offset is committed when PagerDuty has accepted the event that the record opened, or when the record
is counted in the saved state of an open incident. That state is in a compacted topic (``pager.state``), so a restart
neither forgets to resolve an incident nor counts a record twice.

There is one pager: its state has one writer. A second process of the same group takes over from the first.
"""
