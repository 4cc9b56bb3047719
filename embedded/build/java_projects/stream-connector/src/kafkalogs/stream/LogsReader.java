package kafkalogs.stream;

import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.admin.Admin;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.TopicPartition;
import org.apache.flink.util.FlinkRuntimeException;

/**
 * A reader whose partitions all begin at a number.
 *
 * <p>Flink's own reader stores the position of a partition without records as "from the earliest" or "from the group's
 * committed offset". At each start it asks Kafka for that number. For a partition whose topic was deleted meanwhile
 * Kafka has no answer: the job fails after a minute, at this start and at each later one. A number needs no question.
 * The consumer then gets no records of such a partition until the topic comes back.
 *
 * <p>The earliest is 0: where Kafka has deleted records, the consumer finds none at 0 and moves to the earliest itself
 * ({@code auto.offset.reset}).
 */
final class LogsReader<T> implements SourceReader<T, KafkaPartitionSplit> {
    private final SourceReader<T, KafkaPartitionSplit> kafka;
    private final Properties client;

    LogsReader(SourceReader<T, KafkaPartitionSplit> kafka, Properties client) {
        this.kafka = kafka;
        this.client = client;
    }

    @Override
    public void addSplits(List<KafkaPartitionSplit> splits) {
        boolean asked = splits.stream().anyMatch(s -> s.getStartingOffset() == KafkaPartitionSplit.COMMITTED_OFFSET);
        Map<TopicPartition, Long> committed = asked ? committed() : Map.of();
        kafka.addSplits(splits.stream().map(split -> numbered(split, committed)).toList());
    }

    private static KafkaPartitionSplit numbered(KafkaPartitionSplit split, Map<TopicPartition, Long> committed) {
        long start = split.getStartingOffset();
        if (start == KafkaPartitionSplit.EARLIEST_OFFSET) {
            start = 0;
        } else if (start == KafkaPartitionSplit.COMMITTED_OFFSET) {
            start = committed.getOrDefault(split.getTopicPartition(), 0L);
        }
        long stop = split.getStoppingOffset().orElse(KafkaPartitionSplit.NO_STOPPING_OFFSET);
        return new KafkaPartitionSplit(split.getTopicPartition(), start, stop);
    }

    /** The group's committed offsets; Kafka has none of a deleted topic. */
    private Map<TopicPartition, Long> committed() {
        String group = client.getProperty("group.id");
        Map<TopicPartition, Long> found = new HashMap<>();
        try (Admin admin = Admin.create(client)) {
            Map<TopicPartition, OffsetAndMetadata> offsets =
                    admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
            offsets.forEach((partition, offset) -> {
                if (offset != null) {
                    found.put(partition, offset.offset());
                }
            });
        } catch (ExecutionException error) {
            throw new FlinkRuntimeException("cannot read what group " + group + " has committed", error.getCause());
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            throw new FlinkRuntimeException(error);
        }
        return found;
    }

    @Override
    public void start() {
        kafka.start();
    }

    @Override
    public InputStatus pollNext(ReaderOutput<T> output) throws Exception {
        return kafka.pollNext(output);
    }

    @Override
    public List<KafkaPartitionSplit> snapshotState(long checkpoint) {
        return kafka.snapshotState(checkpoint);
    }

    @Override
    public CompletableFuture<Void> isAvailable() {
        return kafka.isAvailable();
    }

    @Override
    public void notifyNoMoreSplits() {
        kafka.notifyNoMoreSplits();
    }

    @Override
    public void handleSourceEvents(SourceEvent event) {
        kafka.handleSourceEvents(event);
    }

    @Override
    public void pauseOrResumeSplits(Collection<String> pause, Collection<String> resume) {
        kafka.pauseOrResumeSplits(pause, resume);
    }

    @Override
    public void notifyCheckpointComplete(long checkpoint) throws Exception {
        kafka.notifyCheckpointComplete(checkpoint);
    }

    @Override
    public void notifyCheckpointAborted(long checkpoint) throws Exception {
        kafka.notifyCheckpointAborted(checkpoint);
    }

    @Override
    public void close() throws Exception {
        kafka.close();
    }
}
