package kafkalogs.archive;

import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.apache.iceberg.DataOperations;
import org.apache.iceberg.Snapshot;
import org.apache.iceberg.Table;
import org.apache.iceberg.TableProperties;
import org.apache.iceberg.util.PropertyUtil;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Expires old snapshots of the archive's tables, in a thread of its own: each commit makes one, and nothing else ends them.
 *
 * <p>The tables' own properties say how long snapshots stay ({@code history.expire.*}, five days when absent), and whether
 * files may be deleted ({@code gc.enabled}). The snapshot that says how far the control topic was read always stays:
 * without it, the sink could append files twice.
 *
 * <p>No file with rows is deleted. If any snapshot deleted or replaced rows, somebody else maintains the table, and has to
 * expire its snapshots: the files of these rows go with them, which the sink may not delete.
 */
final class SnapshotExpiry implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(SnapshotExpiry.class);

    private final Supplier<List<Table>> tables;
    private final String offsets;
    private final ScheduledExecutorService thread = Executors.newSingleThreadScheduledExecutor(work -> {
        Thread made = new Thread(work, "snapshot-expiry");
        made.setDaemon(true);
        return made;
    });

    /** @param offsets the property of snapshots with the offsets of the control topic */
    SnapshotExpiry(Supplier<List<Table>> tables, String offsets, long intervalMs) {
        this.tables = tables;
        this.offsets = offsets;
        thread.scheduleWithFixedDelay(this::expire, intervalMs, intervalMs, TimeUnit.MILLISECONDS);
    }

    private void expire() {
        try {
            tables.get().forEach(this::expire);
        } catch (RuntimeException error) {
            // The next attempt expires the same snapshots, and the sink works without.
            LOG.warn("snapshots are not expired now: {}", String.valueOf(error));
        }
    }

    private void expire(Table table) {
        Snapshot kept = table.currentSnapshot();
        while (kept != null && !kept.summary().containsKey(offsets)) {
            kept = kept.parentId() == null ? null : table.snapshot(kept.parentId());
        }
        boolean may = PropertyUtil.propertyAsBoolean(
                table.properties(), TableProperties.GC_ENABLED, TableProperties.GC_ENABLED_DEFAULT);
        if (kept == null || !may) {
            return;
        }
        for (Snapshot snapshot : table.snapshots()) {
            if (!DataOperations.APPEND.equals(snapshot.operation())) {
                LOG.info("{}: snapshot {} is of the operation {}; whoever made it expires snapshots",
                        table.name(), snapshot.snapshotId(), snapshot.operation());
                return;
            }
        }
        long age = PropertyUtil.propertyAsLong(
                table.properties(), TableProperties.MAX_SNAPSHOT_AGE_MS, TableProperties.MAX_SNAPSHOT_AGE_MS_DEFAULT);
        long before = count(table);
        table.expireSnapshots()
                .expireOlderThan(Math.min(System.currentTimeMillis() - age, kept.timestampMillis()))
                .commit();
        table.refresh();
        LOG.info("{}: {} of {} snapshots expired", table.name(), before - count(table), before);
    }

    private static long count(Table table) {
        long count = 0;
        for (Snapshot ignored : table.snapshots()) {
            count++;
        }
        return count;
    }

    @Override
    public void close() {
        thread.shutdownNow();
    }
}
