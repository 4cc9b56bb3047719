"""The pager: what is in ``errors.critical`` becomes incidents in PagerDuty.

One process (``python3 -m pager``) reads the topic and keeps one incident for each service and class of error: the first
record opens it, repeats are counted and told by an update now and then, and when nothing came for a while it is
resolved. The offset of a record is committed when PagerDuty accepted the event that it opened, or when it is counted
in the kept state of an incident that PagerDuty knows. That state is in a compacted topic (``pager.state``), so that a
restart neither forgets to resolve an incident nor counts a record twice.

There is one pager: its state has one writer. A second process of the same group takes over from the first.
"""
