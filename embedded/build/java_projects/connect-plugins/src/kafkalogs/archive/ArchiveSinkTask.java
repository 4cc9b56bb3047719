package kafkalogs.archive;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import kafkalogs.events.Clocks;
import org.apache.iceberg.CatalogUtil;
import org.apache.iceberg.Snapshot;
import org.apache.iceberg.SnapshotSummary;
import org.apache.iceberg.Table;
import org.apache.iceberg.catalog.Catalog;
import org.apache.iceberg.catalog.TableIdentifier;
import org.apache.iceberg.connect.IcebergSinkConfig;
import org.apache.iceberg.connect.IcebergSinkTask;
import org.apache.iceberg.exceptions.NoSuchTableException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.metrics.Gauge;
import org.apache.kafka.common.metrics.PluginMetrics;
import org.apache.kafka.connect.sink.SinkRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A task of Iceberg's sink that does not work with another control topic than the table knows, and that counts.
 *
 * <p>It verifies the topic before it begins, and its id while it runs ({@link ControlTopic}). Two metrics show whether
 * what the task takes arrives: {@code records-due} counts the records that the table should have by now, and
 * {@code rows-gained} the rows that the table has more than at the start.
 */
public final class ArchiveSinkTask extends IcebergSinkTask {
    private static final Logger LOG = LoggerFactory.getLogger(ArchiveSinkTask.class);
    private static final long CHECK_MS = 10_000;
    /** After so many commit intervals a record should be in the table: one may fail, and its successor be late. */
    private static final int INTERVALS = 3;

    private IcebergSinkConfig config;
    private Catalog catalog;
    private ControlTopic control;
    private Clocks clocks;
    private Maintenance maintenance;
    private Maintenance.Settings maintained;
    private String id;
    private boolean verified;
    private long checked;
    private long looked;
    private long taken;
    private long rowsBefore;
    private final TreeMap<Long, Long> takenAt = new TreeMap<>();
    private volatile long due;
    private volatile long gained;

    @Override
    public void start(Map<String, String> settings) {
        config = new IcebergSinkConfig(settings);
        maintained = new Maintenance.Settings(settings, config.writeProps());
        super.start(settings);
        PluginMetrics metrics = context.pluginMetrics();
        clocks = new Clocks(metrics);
        if (metrics != null) {
            Gauge<Long> dueNow = (given, now) -> due;
            Gauge<Long> gainedNow = (given, now) -> gained;
            metrics.addMetric(metrics.metricName(
                    "records-due", "Records taken since the start that the table should have", new LinkedHashMap<>()), dueNow);
            metrics.addMetric(metrics.metricName(
                    "rows-gained", "Rows that the table has more than at the start", new LinkedHashMap<>()), gainedNow);
        }
    }

    @Override
    public void open(Collection<TopicPartition> partitions) {
        if (control == null) {
            catalog = CatalogUtil.buildIcebergCatalog(config.catalogName(), config.catalogProps(), null);
            control = new ControlTopic(config);
            if ("0".equals(config.taskId())) { // one task is enough
                String offsets = ControlTopic.offsetsProperty(config.controlTopic(), config.connectGroupId());
                maintenance = new Maintenance(this::tables, offsets, maintained);
                maintenance.start(context.pluginMetrics());
            }
        }
        verified = false;
        id = control.id();
        rowsBefore = rows(verify());
        taken = due = gained = 0;
        takenAt.clear();
        looked = checked = System.currentTimeMillis();
        super.open(partitions);
    }

    @Override
    public void put(Collection<SinkRecord> records) {
        long now = System.currentTimeMillis();
        // Kafka Connect calls before it has partitions, too.
        if (control != null && now - checked >= CHECK_MS) {
            checked = now;
            try {
                check(now);
            } catch (ControlTopic.Remade error) {
                throw error;
            } catch (RuntimeException error) {
                // The sink itself fails if it cannot work without what does not answer.
                LOG.warn("cannot compare the table and the control topic now: {}", String.valueOf(error));
            }
        }
        super.put(records);
        clocks.count(records);
        taken += records.size();
    }

    private void check(long now) {
        if (!id.equals(control.id())) {
            verified = false;
        }
        if (!verified || now - looked >= config.commitIntervalMs() / 2) {
            looked = now;
            gained = rows(verify()) - rowsBefore;
        }
        takenAt.put(now, taken);
        long before = now - (long) INTERVALS * config.commitIntervalMs() - config.commitTimeoutMs();
        Map.Entry<Long, Long> last = takenAt.floorEntry(before);
        if (last != null) {
            due = last.getValue();
            takenAt.headMap(last.getKey()).clear();
        }
    }

    /** The tables that there are. The sink makes a table when it writes its first record. */
    private List<Table> tables() {
        return config.tables().stream().map(this::table).filter(table -> table != null).toList();
    }

    /** The tables that there are, each verified. */
    private List<Table> verify() {
        List<Table> tables = tables();
        if (!verified) {
            tables.forEach(control::verify);
            if (!id.equals(control.id())) {
                throw new ControlTopic.Remade("The control topic " + config.controlTopic() + " was deleted and made again"
                        + " before the table existed: it was " + id + " and is " + control.id() + ". The files that were"
                        + " announced are lost, and their records are still in Kafka. Remedy: read \"A control topic"
                        + " that is made again\" in docs/sinks.md.");
            }
            verified = tables.size() == config.tables().size();
        }
        return tables;
    }

    private Table table(String name) {
        try {
            return catalog.loadTable(TableIdentifier.parse(name));
        } catch (NoSuchTableException error) {
            return null;
        }
    }

    private static long rows(List<Table> tables) {
        long rows = 0;
        for (Table table : tables) {
            Snapshot snapshot = table.currentSnapshot();
            if (snapshot != null) {
                rows += Long.parseLong(snapshot.summary().getOrDefault(SnapshotSummary.TOTAL_RECORDS_PROP, "0"));
            }
        }
        return rows;
    }

    @Override
    public void stop() {
        super.stop();
        close(maintenance);
        close(control);
        close(catalog instanceof AutoCloseable ? (AutoCloseable) catalog : null);
        control = null;
        catalog = null;
    }

    private static void close(AutoCloseable resource) {
        try {
            if (resource != null) {
                resource.close();
            }
        } catch (Exception error) {
            LOG.warn("not closed: {}", String.valueOf(error));
        }
    }
}
