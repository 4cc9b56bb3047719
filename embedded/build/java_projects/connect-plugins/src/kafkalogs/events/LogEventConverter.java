package kafkalogs.events;

import java.util.Map;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.storage.Converter;

/**
 * Converts record values to log events with a fixed schema ({@link LogEvent#SCHEMA}).
 *
 * <p>It refuses every other value, with all its faults, before any sink sees it: Kafka Connect writes the record into
 * the connector's dead-letter topic and continues. So all sinks agree on what a poison record is, and no sink guesses
 * types from the first record.
 */
public final class LogEventConverter implements Converter {
    static final String MAX_BYTES = "max.bytes";
    static final String NUL_ALLOWED = "nul.allowed";

    private static final ConfigDef CONFIG = new ConfigDef()
            .define(MAX_BYTES, Type.INT, 512 * 1024, ConfigDef.Range.atLeast(1), Importance.MEDIUM,
                    "The longest value that is taken; bytes")
            .define(NUL_ALLOWED, Type.BOOLEAN, true, Importance.MEDIUM,
                    "Whether text may hold U+0000, which PostgreSQL cannot store");

    private int maxBytes;
    private boolean nulAllowed;

    @Override
    public ConfigDef config() {
        return CONFIG;
    }

    @Override
    public void configure(Map<String, ?> settings, boolean isKey) {
        AbstractConfig config = new AbstractConfig(CONFIG, settings);
        maxBytes = config.getInt(MAX_BYTES);
        nulAllowed = config.getBoolean(NUL_ALLOWED);
    }

    @Override
    public SchemaAndValue toConnectData(String topic, byte[] value) {
        if (value == null) {
            throw new DataException("not a log event: the value is null");
        }
        if (value.length > maxBytes) {
            throw new DataException("not taken: " + value.length + " bytes, and the limit is " + maxBytes);
        }
        return new SchemaAndValue(LogEvent.SCHEMA, LogEvent.parse(value, nulAllowed));
    }

    @Override
    public byte[] fromConnectData(String topic, Schema schema, Object value) {
        throw new DataException("LogEventConverter only reads: it is for sinks");
    }
}
