from hypothesis import given
from hypothesis import strategies as st
from kafkalogs.config import sizing, units

RATES = st.integers(min_value=1, max_value=10 * units.GIB)
BROKERS = st.integers(min_value=1, max_value=60)
RETENTIONS = st.integers(min_value=1000, max_value=400 * units.DAY)


@given(RATES, BROKERS)
def test_partitions_spread_evenly_and_carry_the_rate(rate, brokers):
    partitions = sizing.partitions_for(rate, brokers)
    assert partitions % brokers == 0
    assert partitions * sizing.PARTITION_RATE >= rate
    assert (partitions - brokers) * sizing.PARTITION_RATE < rate


@given(RATES, BROKERS, BROKERS)
def test_more_rate_or_brokers_never_mean_fewer_partitions_than_needed(rate, brokers, more):
    assert sizing.partitions_for(rate + 1, brokers) >= sizing.partitions_for(rate, brokers)
    assert sizing.partitions_for(rate, brokers * more) >= sizing.partitions_for(rate, brokers) // brokers


@given(RATES, BROKERS)
def test_the_cluster_as_a_whole_enforces_the_declared_rate(rate, brokers):
    """Derived partitions: every broker's quota together are within 20 % of the rate, and never below it."""
    share = sizing.leader_share(sizing.partitions_for(rate, brokers), brokers)
    whole = sizing.quota_per_broker(rate, [share]) * brokers
    assert rate <= whole <= rate * 1.2 + brokers  # each broker's quota is rounded up to a whole byte


@given(RATES, BROKERS, st.integers(min_value=1, max_value=200))
def test_evenly_keyed_records_at_the_declared_rate_are_never_throttled(rate, brokers, partitions):
    share = sizing.leader_share(partitions, brokers)
    most_led = -(-partitions // brokers)
    assert sizing.quota_per_broker(rate, [share]) >= rate * most_led / partitions


def test_a_single_instance_writes_one_partition_so_one_broker_must_take_its_whole_rate():
    assert sizing.leader_share(3, 3, keys=1) == 1
    assert sizing.quota_per_broker(1000, [sizing.leader_share(3, 3, keys=1)]) == 1100
    assert sizing.leader_share(3, 3, keys=50) == 1 / 3


@given(st.lists(st.floats(min_value=0.01, max_value=1), min_size=1), RATES)
def test_the_largest_share_of_several_topics_counts(shares, rate):
    assert sizing.quota_per_broker(rate, shares) == sizing.quota_per_broker(rate, [max(shares)])


@given(RETENTIONS)
def test_retention_is_real(retention):
    """Kafka keeps a record until its whole segment has expired."""
    segment = sizing.segment_ms(retention)
    assert 0 < segment <= retention
    assert segment <= max(10 * units.MINUTE, retention / 10)
    assert sizing.kept_ms(retention) == retention + segment + sizing.DELETION_DELAY


@given(RATES, RETENTIONS, st.integers(min_value=1, max_value=5))
def test_disk_need_holds_all_copies_for_the_whole_retention(rate, retention, copies):
    need = sizing.DiskNeed("nginx", rate, retention, copies).size
    assert need >= rate * retention * copies // 1000
    assert need <= rate * (retention * 2 + sizing.DELETION_DELAY) * copies // 1000 + 1


def test_disk_arithmetic_is_shown():
    need = sizing.DiskNeed("nginx", 10 * units.MIB, units.DAY, 3)
    assert str(need) == "nginx 10MiB/s x (1d + 150m) x 3 = 2.7 TiB"


def test_the_smallest_disk_counts():
    assert sizing.usable_disk([10, 100, 100]) == int(30 * sizing.USABLE_DISK)
    assert sizing.usable_disk([]) == 0
