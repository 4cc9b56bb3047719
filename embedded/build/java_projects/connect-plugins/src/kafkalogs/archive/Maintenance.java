package kafkalogs.archive;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;
import org.apache.iceberg.Snapshot;
import org.apache.iceberg.SnapshotSummary;
import org.apache.iceberg.Table;
import org.apache.iceberg.TableProperties;
import org.apache.iceberg.util.PropertyUtil;
import org.apache.kafka.common.metrics.Gauge;
import org.apache.kafka.common.metrics.PluginMetrics;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the archive's tables small, in a thread of its own: rewrites small files, expires snapshots, removes orphans.
 *
 * <p>Each of these may fail, and the next run tries it again; the sink works without. A second program that does the same
 * does no harm: the commit of one of both fails. The table's property {@code gc.enabled=false} forbids every deletion.
 */
final class Maintenance implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Maintenance.class);
    private static final String PREFIX = "kafkalogs.archive.maintenance.";
    /** Interrupted work on a file is thrown away; Connect waits five seconds for all its tasks. */
    private static final long CLOSE_MS = 2_000;
    /** A task that starts has other things to do. */
    private static final long FIRST_MS = TimeUnit.MINUTES.toMillis(5);

    /** When to do what; milliseconds and bytes. */
    static final class Settings {
        final boolean on;
        /** The pause between two runs. No file is begun after half of it, so that the worker has the other half. */
        final long interval;
        /** How long nothing was appended to a partition before it is rewritten. */
        final long quiet;
        /** How much older than the last commit of the sink an orphan is. */
        final long orphans;
        /** A full file. */
        final long full;
        final Map<String, String> writing;

        /** @param writing settings of the sink's writer, which override the table's properties */
        Settings(Map<String, String> given, Map<String, String> writing) {
            on = Boolean.parseBoolean(given.getOrDefault(PREFIX + "enabled", "true"));
            interval = number(given, "interval.ms", TimeUnit.HOURS.toMillis(1));
            quiet = number(given, "quiet.ms", TimeUnit.HOURS.toMillis(1));
            orphans = number(given, "orphans.ms", TimeUnit.DAYS.toMillis(3));
            full = number(given, "file.bytes", Compaction.FULL);
            this.writing = writing;
        }

        private static long number(Map<String, String> given, String name, long usual) {
            return Long.parseLong(given.getOrDefault(PREFIX + name, Long.toString(usual)));
        }
    }

    private final Supplier<List<Table>> tables;
    private final String offsets;
    private final Settings settings;
    private final ScheduledExecutorService thread = Executors.newSingleThreadScheduledExecutor(work -> {
        Thread made = new Thread(work, "table-maintenance");
        made.setDaemon(true);
        return made;
    });
    private volatile boolean stopped;
    private volatile long compacted;
    private volatile long removed;
    private volatile long refused;
    private volatile long files;
    private volatile long bytes;
    private volatile long snapshots;
    private volatile long done = System.currentTimeMillis();

    /** @param offsets the property of snapshots with the offsets of the control topic */
    Maintenance(Supplier<List<Table>> tables, String offsets, Settings settings) {
        this.tables = tables;
        this.offsets = offsets;
        this.settings = settings;
    }

    /** Begin to run. metrics: null if there are none. */
    void start(PluginMetrics metrics) {
        if (metrics != null) {
            gauge(metrics, "table-files", "Data files that the tables have", now -> files);
            gauge(metrics, "table-bytes", "Bytes of the data files that the tables have", now -> bytes);
            gauge(metrics, "table-snapshots", "Snapshots that the tables have", now -> snapshots);
            gauge(metrics, "files-compacted", "Files that were replaced by larger ones since the start", now -> compacted);
            gauge(metrics, "orphans-removed", "Files that no snapshot had and that were removed since the start", now -> removed);
            gauge(metrics, "orphans-refused", "Files that no snapshot has and that may not be removed", now -> refused);
            gauge(metrics, "maintenance-age-ms", "Time since the maintenance succeeded, or since the start", now -> now - done);
        }
        long first = Math.min(FIRST_MS, settings.interval);
        thread.scheduleWithFixedDelay(this::all, first, settings.interval, TimeUnit.MILLISECONDS);
    }

    private static void gauge(PluginMetrics metrics, String name, String what, Function<Long, Long> value) {
        Gauge<Long> gauge = (config, now) -> value.apply(now);
        metrics.addMetric(metrics.metricName(name, what, new LinkedHashMap<>()), gauge);
    }

    /** One run. */
    void all() {
        try {
            boolean well = true;
            long files = 0;
            long bytes = 0;
            long snapshots = 0;
            long refused = 0;
            long deadline = System.currentTimeMillis() + settings.interval / 2;
            for (Table table : tables.get()) {
                if (settings.on) {
                    OrphanFiles orphans = new OrphanFiles(table, () -> stopped);
                    well &= run("snapshots are expired", table, () -> expire(table));
                    well &= run("small files are rewritten", table, () -> compact(table, deadline));
                    well &= run("orphans are removed", table, () -> removeOrphans(table, orphans));
                    refused += orphans.refused();
                }
                table.refresh();
                files += total(table, SnapshotSummary.TOTAL_DATA_FILES_PROP);
                bytes += total(table, SnapshotSummary.TOTAL_FILE_SIZE_PROP);
                snapshots += SnapshotExpiry.count(table);
            }
            this.files = files;
            this.bytes = bytes;
            this.snapshots = snapshots;
            this.refused = refused;
            if (well) {
                done = System.currentTimeMillis();
            }
        } catch (RuntimeException | Error error) {
            // The thread would end without a word. What is too large for the memory now may not be in the next run.
            LOG.warn("the tables are not maintained now: {}", String.valueOf(error));
        }
    }

    private boolean run(String what, Table table, Runnable work) {
        try {
            if (!stopped) {
                work.run();
            }
            return true;
        } catch (RuntimeException error) {
            if (!stopped) {
                LOG.warn("{}: not all {} now: {}", table.name(), what, String.valueOf(error));
            }
            return false;
        }
    }

    private void expire(Table table) {
        Snapshot newest = SnapshotExpiry.newestOfSink(table, offsets);
        if (newest != null && mayDelete(table)) {
            SnapshotExpiry.run(table, newest);
        }
    }

    private void compact(Table table, long deadline) {
        Compaction compaction = new Compaction(table, settings.writing, settings.full, () -> stopped);
        try {
            compaction.run(System.currentTimeMillis() - settings.quiet, deadline);
        } finally {
            compacted += compaction.replaced();
        }
    }

    private void removeOrphans(Table table, OrphanFiles orphans) {
        table.refresh();
        Snapshot newest = SnapshotExpiry.newestOfSink(table, offsets);
        if (newest != null && mayDelete(table)) {
            removed += orphans.run(newest.timestampMillis() - settings.orphans);
        }
    }

    private static boolean mayDelete(Table table) {
        return PropertyUtil.propertyAsBoolean(
                table.properties(), TableProperties.GC_ENABLED, TableProperties.GC_ENABLED_DEFAULT);
    }

    private static long total(Table table, String property) {
        Snapshot now = table.currentSnapshot();
        return now == null ? 0 : Long.parseLong(now.summary().getOrDefault(property, "0"));
    }

    @Override
    public void close() {
        stopped = true;
        thread.shutdown();
        try {
            if (!thread.awaitTermination(CLOSE_MS, TimeUnit.MILLISECONDS)) {
                thread.shutdownNow();
            }
        } catch (InterruptedException error) {
            thread.shutdownNow();
            Thread.currentThread().interrupt();
        }
    }
}
