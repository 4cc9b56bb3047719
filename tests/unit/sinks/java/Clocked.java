import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import kafkalogs.events.Clocks;
import kafkalogs.events.LogEventConverter;
import org.apache.kafka.common.metrics.internals.PluginMetricsImpl;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.sink.SinkRecord;

/** Counts events with the metrics of a task of Kafka Connect: words are Kafka's time of an event, and the event. */
public final class Clocked {
    public static void main(String[] words) throws Exception {
        LogEventConverter converter = new LogEventConverter();
        converter.configure(Map.of(), false);
        List<SinkRecord> records = new ArrayList<>();
        records.add(new SinkRecord("logs.shop", 0, null, null, null, "no event", 0, 0L, TimestampType.LOG_APPEND_TIME));
        for (int i = 0; i < words.length; i += 2) {
            SchemaAndValue event = converter.toConnectData("logs.shop", words[i + 1].getBytes(StandardCharsets.UTF_8));
            records.add(new SinkRecord("logs.shop", 0, null, null, event.schema(), event.value(), i,
                    Long.parseLong(words[i]), TimestampType.LOG_APPEND_TIME));
        }
        new Clocks(null).count(records);
        Map<String, String> task = new LinkedHashMap<>();
        task.put("connector", "archive");
        task.put("task", "0");
        new Clocks(new PluginMetricsImpl(Measured.metrics().metrics(), task)).count(records);
        System.out.println(Measured.beans());
        System.exit(0);
    }
}
