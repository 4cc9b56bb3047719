package kafkalogs.events;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.common.metrics.Gauge;
import org.apache.kafka.common.metrics.Monitorable;
import org.apache.kafka.common.metrics.PluginMetrics;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.storage.Converter;

/**
 * Converts record values to log events with a fixed schema ({@link LogEvent#SCHEMA}).
 *
 * <p>It refuses every other value, with all its faults, before any sink sees it: Kafka Connect writes the record into
 * the connector's dead-letter topic and continues. So all sinks agree on what a poison record is, and no sink guesses
 * types from the first record.
 */
public final class LogEventConverter implements Converter, Monitorable {
    static final String SERVICES = "services";
    static final String MAX_BYTES = "max.bytes";
    static final String POSTGRESQL = "postgresql";

    private static final ConfigDef CONFIG = new ConfigDef()
            .define(MAX_BYTES, Type.INT, 512 * 1024, ConfigDef.Range.atLeast(1), Importance.MEDIUM,
                    "The longest value that is taken; bytes")
            .define(POSTGRESQL, Type.BOOLEAN, false, Importance.MEDIUM,
                    "Whether to refuse what PostgreSQL cannot store or query: U+0000, numbers that its numeric cannot hold")
            .define(SERVICES, Type.LIST, List.of(), Importance.MEDIUM,
                    "For each topic the services that may write it, as topic=service|service, or topic=* for all;"
                            + " events of others are refused. Without this setting no service is");

    private int maxBytes;
    private boolean postgresql;
    private Writers writers;
    private final AtomicLong foreign = new AtomicLong();

    @Override
    public ConfigDef config() {
        return CONFIG;
    }

    @Override
    public void configure(Map<String, ?> settings, boolean isKey) {
        AbstractConfig config = new AbstractConfig(CONFIG, settings);
        maxBytes = config.getInt(MAX_BYTES);
        postgresql = config.getBoolean(POSTGRESQL);
        writers = new Writers(SERVICES, config.getList(SERVICES));
    }

    /** Kafka Connect calls this after {@link #configure}; the metric stands in the MBean of this converter. */
    @Override
    public void withPluginMetrics(PluginMetrics metrics) {
        MetricName name = metrics.metricName(
                "foreign-events-total", "Events of services that may not write their topic", new LinkedHashMap<>());
        metrics.addMetric(name, (Gauge<Double>) (config, now) -> (double) foreign.get());
    }

    @Override
    public SchemaAndValue toConnectData(String topic, byte[] value) {
        if (value == null) {
            throw new DataException("not a log event: the value is null");
        }
        if (value.length > maxBytes) {
            throw new DataException("not taken: " + value.length + " bytes, and the limit is " + maxBytes);
        }
        Struct event = LogEvent.parse(value, postgresql);
        String problem = writers.problem(topic, event.getString("service"));
        if (problem != null) {
            foreign.incrementAndGet();
            throw new DataException(problem);
        }
        return new SchemaAndValue(LogEvent.SCHEMA, event);
    }

    @Override
    public byte[] fromConnectData(String topic, Schema schema, Object value) {
        throw new DataException("LogEventConverter only reads: it is for sinks");
    }
}
