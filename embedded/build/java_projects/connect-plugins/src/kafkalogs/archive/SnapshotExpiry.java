package kafkalogs.archive;

import org.apache.iceberg.Snapshot;
import org.apache.iceberg.Table;
import org.apache.iceberg.TableProperties;
import org.apache.iceberg.util.PropertyUtil;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Expires old snapshots of a table, and removes the files that only they have.
 *
 * <p>The table's own properties say how long snapshots stay ({@code history.expire.*}, five days when absent). The snapshot
 * that says how far the control topic was read always stays: without it, the sink could append files twice. A file that
 * cannot be deleted stays, and Iceberg logs it.
 */
final class SnapshotExpiry {
    private static final Logger LOG = LoggerFactory.getLogger(SnapshotExpiry.class);

    private SnapshotExpiry() {
    }

    /** The newest snapshot that says how far the control topic was read; null if there is none. */
    static Snapshot newestOfSink(Table table, String offsets) {
        Snapshot snapshot = table.currentSnapshot();
        while (snapshot != null && !snapshot.summary().containsKey(offsets)) {
            snapshot = snapshot.parentId() == null ? null : table.snapshot(snapshot.parentId());
        }
        return snapshot;
    }

    /** Expire what is older than the table keeps. kept: the snapshot that stays, and all newer ones with it. */
    static void run(Table table, Snapshot kept) {
        long age = PropertyUtil.propertyAsLong(
                table.properties(), TableProperties.MAX_SNAPSHOT_AGE_MS, TableProperties.MAX_SNAPSHOT_AGE_MS_DEFAULT);
        long before = count(table);
        table.expireSnapshots()
                .expireOlderThan(Math.min(System.currentTimeMillis() - age, kept.timestampMillis()))
                .commit();
        table.refresh();
        long expired = before - count(table);
        if (expired > 0) {
            LOG.info("{}: {} of {} snapshots expired", table.name(), expired, before);
        }
    }

    static long count(Table table) {
        long count = 0;
        for (Snapshot ignored : table.snapshots()) {
            count++;
        }
        return count;
    }
}
