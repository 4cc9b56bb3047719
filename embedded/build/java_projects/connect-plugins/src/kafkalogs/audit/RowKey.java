package kafkalogs.audit;

import java.util.List;
import java.util.Map;
import kafkalogs.identity.Digest;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.transforms.Transformation;

/** Adds to a log event the columns that are the key of its row: its place in Kafka, and a {@link Digest} of its content. */
public final class RowKey implements Transformation<SinkRecord> {
    static final String DIGEST = "__connect_digest";
    /** The columns of the key; the names of the first three are Debezium's. */
    static final List<String> COLUMNS = List.of("__connect_topic", "__connect_partition", "__connect_offset", DIGEST);

    private Schema from;
    private Schema to;

    @Override
    public void configure(Map<String, ?> settings) {
    }

    @Override
    public ConfigDef config() {
        return new ConfigDef();
    }

    @Override
    public SinkRecord apply(SinkRecord record) {
        if (!(record.value() instanceof Struct)) {
            throw new DataException("no log event: value.converter has to be kafkalogs.events.LogEventConverter");
        }
        Struct event = (Struct) record.value();
        Schema schema = keyed(event.schema());
        Struct row = new Struct(schema);
        for (Field field : event.schema().fields()) {
            row.put(field.name(), event.get(field));
        }
        row.put(COLUMNS.get(0), record.originalTopic());
        row.put(COLUMNS.get(1), record.originalKafkaPartition());
        row.put(COLUMNS.get(2), record.originalKafkaOffset());
        row.put(COLUMNS.get(3), Digest.of(record));
        return record.newRecord(
                record.topic(), record.kafkaPartition(), record.keySchema(), record.key(), schema, row, record.timestamp());
    }

    private Schema keyed(Schema schema) {
        if (schema != from) {
            SchemaBuilder builder = SchemaBuilder.struct().name(schema.name()).version(schema.version());
            schema.fields().forEach(field -> builder.field(field.name(), field.schema()));
            builder.field(COLUMNS.get(0), Schema.STRING_SCHEMA);
            builder.field(COLUMNS.get(1), Schema.INT32_SCHEMA);
            builder.field(COLUMNS.get(2), Schema.INT64_SCHEMA);
            builder.field(COLUMNS.get(3), Schema.STRING_SCHEMA);
            to = builder.build();
            from = schema;
        }
        return to;
    }

    @Override
    public void close() {
    }
}
