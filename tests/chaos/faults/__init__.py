"""All faults of the campaign, in the order in which it makes them; a module for each kind."""

from __future__ import annotations

from tests.chaos.fault import Fault
from tests.chaos.faults import changes, disks, network, pods, records, servers, topics

FAULTS = (
    Fault(pods.each_pod_is_killed),
    Fault(pods.two_of_three_brokers_are_killed, quick=True),
    Fault(pods.the_controller_is_killed_three_times),
    Fault(pods.the_node_is_killed),
    Fault(disks.a_broker_cannot_write_its_disk),
    Fault(servers.s3_is_away),
    Fault(servers.the_database_is_away),
    Fault(servers.search_is_away),
    Fault(servers.the_registry_is_away),
    Fault(servers.pagerduty_is_away),
    Fault(servers.pagerduty_answers_429),
    Fault(servers.pagerduty_answers_500),
    Fault(servers.s3_answers_500),
    Fault(servers.s3_answers_503),
    Fault(servers.search_answers_500),
    Fault(servers.search_refuses_to_write),
    Fault(servers.search_lacks_a_pipeline),
    Fault(servers.the_disk_of_search_is_full),
    Fault(servers.the_database_is_read_only),
    Fault(servers.the_database_takes_no_connection),
    Fault(servers.the_registry_answers_500),
    Fault(network.a_broker_is_cut_off, quick=True),
    Fault(network.a_broker_is_cut_off_one_way),
    Fault(network.packets_are_lost),
    Fault(records.poison_by_size),
    Fault(records.poison_by_nesting),
    Fault(records.events_of_many_days),
    Fault(records.a_small_batch_of_large_events),
    Fault(records.a_clock_is_ahead),
    Fault(records.a_clock_is_behind),
    Fault(records.dead_letters_are_below_their_min_isr),
    Fault(changes.the_operator_dies_in_the_middle_of_a_roll),
    Fault(changes.both_authorities_renew),
    Fault(changes.the_jobmanager_dies_during_a_savepoint),
    Fault(disks.a_checkpoint_is_damaged),
    Fault(changes.partitions_are_added),
    Fault(topics.the_audit_topic_is_made_anew),
    Fault(topics.the_control_topic_is_made_anew),
)
