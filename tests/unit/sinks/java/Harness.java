import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Base64;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import kafkalogs.audit.RowKey;
import kafkalogs.events.LogEventConverter;
import kafkalogs.search.SearchSinkConnector;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.metrics.PluginMetrics;
import org.apache.kafka.common.metrics.internals.PluginMetricsImpl;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.sink.ErrantRecordReporter;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;
import org.apache.kafka.connect.sink.SinkTaskContext;

/** Does to the plugins what Kafka Connect does, one command a line of JSON, and answers each with a line of JSON. */
public final class Harness {
    private static final ObjectMapper JSON = new ObjectMapper();

    private SinkTask task;
    private final List<String[]> reported = new ArrayList<>();
    private Metrics metrics = new Metrics();
    private Long timeout;

    public static void main(String[] words) throws Exception {
        Harness harness = new Harness();
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        for (String line; (line = commands.readLine()) != null;) {
            JsonNode command = JSON.readTree(line);
            ObjectNode answer = JSON.createObjectNode();
            try {
                harness.run(command, answer);
                answer.put("outcome", "ok");
            } catch (RetriableException error) {
                answer.put("outcome", "retriable").put("reason", error.getMessage());
            } catch (Exception error) {
                answer.put("outcome", error.getClass().getSimpleName()).put("reason", error.getMessage());
            }
            ArrayNode reports = answer.putArray("reported");
            harness.reported.forEach(report -> reports.addArray().add(report[0]).add(report[1]));
            answer.put("timeout", harness.timeout);
            ObjectNode metrics = answer.putObject("metrics");
            harness.metrics.metrics().forEach((name, metric) -> {
                if (name.tags().containsKey("service")) {
                    metrics.put(name.name() + " " + name.tags().get("service"), (Double) metric.metricValue());
                }
            });
            System.out.println(JSON.writeValueAsString(answer));
        }
    }

    private void run(JsonNode command, ObjectNode answer) throws Exception {
        timeout = null;
        switch (command.path("do").asText()) {
            case "convert":
                SchemaAndValue event = converter(command.path("settings")).toConnectData("t", bytes(command.path("value")));
                write((Struct) event.value(), answer);
                break;
            case "start":
                start(command);
                break;
            case "put":
                List<SinkRecord> records = new ArrayList<>();
                for (JsonNode record : command.path("records")) {
                    records.add(record(record));
                }
                task.put(records);
                break;
            case "precommit":
                Map<TopicPartition, OffsetAndMetadata> current = new HashMap<>();
                command.path("offsets").fields().forEachRemaining(one -> current.put(
                        new TopicPartition(one.getKey(), 0), new OffsetAndMetadata(one.getValue().asLong())));
                ObjectNode safe = answer.putObject("offsets");
                task.preCommit(current).forEach((partition, offset) -> safe.put(partition.topic(), offset.offset()));
                break;
            case "close":
                List<TopicPartition> closed = new ArrayList<>();
                command.path("topics").forEach(topic -> closed.add(new TopicPartition(topic.asText(), 0)));
                task.close(closed);
                break;
            case "row":
                write((Struct) new RowKey().apply(record(command.path("record"))).value(), answer);
                break;
            default:
                throw new IllegalArgumentException(command.toString());
        }
    }

    private static LogEventConverter converter(JsonNode settings) {
        LogEventConverter converter = new LogEventConverter();
        converter.configure(map(settings), false);
        return converter;
    }

    private void start(JsonNode command) throws Exception {
        if (task != null) {
            task.stop();
        }
        reported.clear();
        metrics = new Metrics();
        SearchSinkConnector connector = new SearchSinkConnector();
        connector.config().parse(map(command.path("settings")));
        connector.start(map(command.path("settings")));
        task = (SinkTask) connector.taskClass().getDeclaredConstructor().newInstance();
        task.initialize(new Context(command.path("reporter").asBoolean()));
        task.start(connector.taskConfigs(1).get(0));
        List<TopicPartition> partitions = new ArrayList<>();
        command.path("topics").forEach(topic -> partitions.add(new TopicPartition(topic.asText(), 0)));
        task.open(partitions);
    }

    private static SinkRecord record(JsonNode given) {
        String topic = given.path("topic").asText();
        SchemaAndValue event = given.has("text")
                ? new SchemaAndValue(null, given.path("text").asText())
                : converter(JSON.createObjectNode()).toConnectData(topic, bytes(given.path("value")));
        return new SinkRecord(
                topic, given.path("partition").asInt(), null, null, event.schema(), event.value(),
                given.path("offset").asLong(), given.path("timestamp").asLong(), TimestampType.CREATE_TIME);
    }

    private static byte[] bytes(JsonNode value) {
        return value.isNull() ? null : Base64.getDecoder().decode(value.asText());
    }

    private static Map<String, String> map(JsonNode settings) {
        Map<String, String> map = new HashMap<>();
        settings.fields().forEachRemaining(field -> map.put(field.getKey(), field.getValue().asText()));
        return map;
    }

    private static void write(Struct event, ObjectNode answer) {
        ObjectNode fields = answer.putObject("event");
        for (Field field : event.schema().fields()) {
            Object value = event.get(field);
            if (value instanceof java.util.Date) {
                fields.put(field.name(), ((java.util.Date) value).getTime());
            } else {
                fields.set(field.name(), JSON.valueToTree(value));
            }
        }
    }

    private final class Context implements SinkTaskContext {
        private final boolean reports;

        Context(boolean reports) {
            this.reports = reports;
        }

        @Override
        public ErrantRecordReporter errantRecordReporter() {
            return !reports ? null : (record, error) -> {
                String id = record.topic() + "+" + record.kafkaPartition() + "+" + record.kafkaOffset();
                reported.add(new String[] {id, error.getMessage()});
                return CompletableFuture.completedFuture(null);
            };
        }

        @Override
        public void timeout(long ms) {
            timeout = ms;
        }

        @Override
        public Map<String, String> configs() {
            return Map.of();
        }

        @Override
        public void offset(Map<TopicPartition, Long> offsets) {
        }

        @Override
        public void offset(TopicPartition partition, long offset) {
        }

        @Override
        public Set<TopicPartition> assignment() {
            return Set.of();
        }

        @Override
        public void pause(TopicPartition... partitions) {
        }

        @Override
        public void resume(TopicPartition... partitions) {
        }

        @Override
        public void requestCommit() {
        }

        @Override
        public PluginMetrics pluginMetrics() {
            return new PluginMetricsImpl(metrics, Map.of());
        }
    }
}
