package kafkalogs.audit;

import io.debezium.connector.jdbc.JdbcSinkConnectorTask;
import java.sql.SQLException;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import kafkalogs.events.Clocks;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.metrics.Gauge;
import org.apache.kafka.common.metrics.PluginMetrics;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A task of Debezium's JDBC sink that waits for the database, gives the table the key of {@link RowKey} before it writes,
 * and tells when a place in Kafka is used again by another record.
 *
 * <p>Both rows stay, because of {@link RowKey}. But the topic was deleted and made again, or a second cluster writes into the
 * same table, and somebody should know. The task looks where offsets begin, or begin anew.
 */
public final class AuditSinkTask extends JdbcSinkConnectorTask {
    private static final Logger LOG = LoggerFactory.getLogger(AuditSinkTask.class);

    private static final long WAIT_MS = 10_000;

    private Map<String, String> settings;
    private boolean started;
    private AuditTable table;
    private Clocks clocks;
    private final Map<TopicPartition, Long> newest = new HashMap<>();
    private final AtomicLong reused = new AtomicLong();

    @Override
    public void start(Map<String, String> given) {
        settings = given;
        table = new AuditTable(settings);
        PluginMetrics metrics = context.pluginMetrics();
        clocks = new Clocks(metrics);
        if (metrics != null) {
            Gauge<Long> now = (config, time) -> reused.get();
            metrics.addMetric(metrics.metricName(
                    "places-reused", "Times that offsets began at a place of which the table has another record",
                    new LinkedHashMap<>()), now);
        }
    }

    @Override
    public void put(Collection<SinkRecord> records) {
        if (!started) {
            // Both need the database. Until it answers, Connect keeps the records and calls again.
            try {
                table.prepare();
            } catch (RetriableException error) {
                context.timeout(WAIT_MS);
                throw error;
            }
            super.start(settings);
            started = true;
        }
        for (SinkRecord record : records) {
            TopicPartition partition = new TopicPartition(record.originalTopic(), record.originalKafkaPartition());
            Long before = newest.get(partition);
            if (before == null || record.originalKafkaOffset() <= before) {
                compare(record);
            }
            newest.put(partition, record.originalKafkaOffset());
        }
        super.put(records);
        clocks.count(records);
    }

    @Override
    public void stop() {
        if (started) {
            super.stop();
        }
    }

    private void compare(SinkRecord record) {
        try {
            if (table.hasOther(record)) {
                reused.incrementAndGet();
                LOG.error("{}-{}, offset {}: the table has another record of this place. The topic was deleted and made"
                        + " again, or another cluster writes into the same table. Both rows stay; see docs/sinks.md",
                        record.originalTopic(), record.originalKafkaPartition(), record.originalKafkaOffset());
            }
        } catch (SQLException error) {
            // The sink itself fails if it cannot write now, and gets the same records again.
            LOG.warn("cannot compare with the table now: {}", error.getMessage());
        }
    }
}
