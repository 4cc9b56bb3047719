package kafkalogs.archive;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import org.apache.iceberg.Snapshot;
import org.apache.iceberg.Table;
import org.apache.iceberg.connect.IcebergSinkConfig;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.errors.ConnectException;

/**
 * The topic on which tasks announce their files, and what the table remembers of it.
 *
 * <p>Iceberg's sink stores in each snapshot how far it has read the control topic, and skips every file that is
 * announced below. In a topic that was deleted and made again all announcements are below: commits end without an error,
 * offsets advance, and no row arrives. So the table also remembers the topic's id, which no other topic ever has.
 */
final class ControlTopic implements AutoCloseable {
    /** The topic is not the one that the table knows. No repetition changes this. */
    static final class Remade extends ConnectException {
        Remade(String message) {
            super(message);
        }
    }

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String ID = "kafkalogs.control-topic-id.";

    private final String name;
    private final String group;
    private final Admin admin;

    ControlTopic(IcebergSinkConfig config) {
        name = config.controlTopic();
        group = config.connectGroupId();
        admin = Admin.create(new HashMap<>(config.kafkaProps()));
    }

    /** The id of the topic that has the name now. */
    String id() {
        return description().topicId().toString();
    }

    /**
     * Refuse a topic that is not the one whose offsets the table has; remember the topic's id if the table has none.
     *
     * @throws Remade with the topic, both offsets and the remedy
     */
    void verify(Table table) {
        TopicDescription now = description();
        String id = now.topicId().toString();
        Map<Integer, Long> ends = ends(now);
        Map<Integer, Long> committed = committed(table);
        String remembered = table.properties().get(ID + name);
        boolean behind = committed.entrySet().stream()
                .anyMatch(offset -> offset.getValue() > ends.getOrDefault(offset.getKey(), 0L));
        if (behind || (remembered != null && !remembered.equals(id))) {
            throw new Remade("The control topic " + name + " was deleted and made again. Table " + table.name()
                    + " is at the offsets " + committed + " of the topic " + (remembered == null ? "" : remembered + " ")
                    + "(partition=offset), and the topic " + id + " ends at " + ends + ". Iceberg's sink would skip all"
                    + " files that are announced below the table's offsets, without an error. Nothing was read or"
                    + " written. Remedy: raise archive.controlGeneration in the stack file by one, which gives the"
                    + " archive a control topic with a new name. First read \"A control topic that is made again\" in"
                    + " docs/sinks.md.");
        }
        if (remembered == null) {
            table.updateProperties().set(ID + name, id).commit();
        }
    }

    /** The property of a snapshot with the offsets up to which the table has the announced files. */
    static String offsetsProperty(String topic, String group) {
        return "kafka.connect.offsets." + topic + "." + group;
    }

    /** The offsets up to which the table has the announced files, as Iceberg's coordinator reads them. */
    private Map<Integer, Long> committed(Table table) {
        String property = offsetsProperty(name, group);
        Snapshot snapshot = table.currentSnapshot();
        while (snapshot != null) {
            String offsets = snapshot.summary().get(property);
            if (offsets != null) {
                try {
                    return JSON.readValue(offsets, new TypeReference<TreeMap<Integer, Long>>() { });
                } catch (JsonProcessingException error) {
                    throw new ConnectException(table.name() + ": " + property + " is no JSON: " + offsets, error);
                }
            }
            snapshot = snapshot.parentId() == null ? null : table.snapshot(snapshot.parentId());
        }
        return Map.of();
    }

    private TopicDescription description() {
        try {
            return admin.describeTopics(List.of(name)).topicNameValues().get(name).get();
        } catch (ExecutionException error) {
            throw new ConnectException("the control topic " + name + ": " + error.getCause(), error.getCause());
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            throw new ConnectException("interrupted", error);
        }
    }

    private Map<Integer, Long> ends(TopicDescription topic) {
        Map<TopicPartition, OffsetSpec> asked = topic.partitions().stream()
                .collect(Collectors.toMap(part -> new TopicPartition(name, part.partition()), part -> OffsetSpec.latest()));
        Map<Integer, Long> ends = new TreeMap<>();
        try {
            admin.listOffsets(asked).all().get().forEach((part, end) -> ends.put(part.partition(), end.offset()));
        } catch (ExecutionException error) {
            throw new ConnectException("the control topic " + name + ": " + error.getCause(), error.getCause());
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            throw new ConnectException("interrupted", error);
        }
        return ends;
    }

    @Override
    public void close() {
        admin.close();
    }
}
