package kafkalogs.search;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Date;
import kafkalogs.identity.Digest;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * A record in a `_bulk` request: the line with the action, and the document.
 *
 * <p>The record's place in Kafka and its content give the id, so that the same record is never stored twice.
 */
final class Document {
    final SinkRecord record;
    final String id;
    final byte[] lines;

    private Document(SinkRecord record, String id, byte[] lines) {
        this.record = record;
        this.id = id;
        this.lines = lines;
    }

    TopicPartition partition() {
        return new TopicPartition(record.topic(), record.kafkaPartition());
    }

    /** The place of a record in Kafka. */
    static String id(SinkRecord record) {
        return record.topic() + "+" + record.kafkaPartition() + "+" + record.kafkaOffset();
    }

    /** @throws DataException when the value is no log event */
    static Document of(SinkRecord record, String stream) {
        if (!(record.value() instanceof Struct) || !"kafkalogs.LogEvent".equals(record.valueSchema().name())) {
            throw new DataException("no log event: value.converter has to be kafkalogs.events.LogEventConverter");
        }
        Struct event = (Struct) record.value();
        String id = id(record);
        StringBuilder lines = new StringBuilder(512);
        lines.append("{\"create\":{\"_index\":").append(quoted(stream));
        // The same place in another topic of the same name has another digest, so neither document hides the other.
        lines.append(",\"_id\":").append(quoted(id + "+" + Digest.of(record))).append("}}\n{\"@timestamp\":");
        lines.append(quoted(((Date) event.get("timestamp")).toInstant().toString()));
        for (String name : new String[] {"service", "level", "message", "trace_id", "span_id", "instance"}) {
            lines.append(",\"").append(name).append("\":").append(quoted(event.getString(name)));
        }
        lines.append(",\"origin\":").append(quoted(id));
        lines.append(",\"attributes\":").append(oneLine(event.getString("attributes")));
        if (event.getString("extra") != null) {
            lines.append(",\"extra\":").append(oneLine(event.getString("extra")));
        }
        return new Document(record, id, lines.append("}\n").toString().getBytes(StandardCharsets.UTF_8));
    }

    private static String quoted(String text) {
        return "\"" + new String(JsonStringEncoder.getInstance().quoteAsString(text)) + "\"";
    }

    /** Replaces line breaks by spaces: JSON has line breaks only between tokens, where both mean the same. */
    private static String oneLine(String json) {
        return json.replace('\n', ' ').replace('\r', ' ');
    }
}
