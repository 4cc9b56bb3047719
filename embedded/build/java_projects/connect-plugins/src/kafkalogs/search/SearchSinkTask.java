package kafkalogs.search;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import kafkalogs.events.Clocks;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.sink.ErrantRecordReporter;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Stores log events as documents, each once, and never loses one.
 *
 * <p>A poll has few records, so that a worker can hold them even if they are large. One request for each poll would be
 * slow, so documents wait until a request is full, or until a poll brings fewer records than it could. Connect commits
 * only what is stored or in the dead-letter topic ({@link #preCommit}). If the server cannot store some documents now,
 * {@link #put} throws {@link RetriableException}; Connect then pauses and passes the same records again. The task skips
 * records that wait or are stored already. After a restart it sends again what was not committed, and the server answers
 * 409 because the ids exist.
 */
public final class SearchSinkTask extends SinkTask {
    private static final Logger LOG = LoggerFactory.getLogger(SearchSinkTask.class);
    /** The longest that documents wait for the next poll; milliseconds. */
    private static final long LINGER = 50;

    private SearchSinkConfig config;
    private Map<String, String> streams;
    private Bulk bulk;
    private ErrantRecordReporter reporter;
    private Clocks clocks;
    private int failures;
    /** What is neither stored nor in the dead-letter topic, by id, in the order in which it came. */
    private final Map<String, Document> waiting = new LinkedHashMap<>();
    private long waitingBytes;
    /** Ids of records of an unfinished {@link #put} that wait, are stored, or are in the dead-letter topic. */
    private final Set<String> taken = new HashSet<>();

    @Override
    public String version() {
        return "1";
    }

    @Override
    public void start(Map<String, String> settings) {
        config = new SearchSinkConfig(settings);
        streams = config.streams();
        bulk = new Bulk(config);
        reporter = context.errantRecordReporter();
        clocks = new Clocks(context.pluginMetrics());
    }

    @Override
    public void open(Collection<TopicPartition> partitions) {
        Set<String> unknown = new TreeSet<>();
        partitions.forEach(partition -> unknown.add(partition.topic()));
        unknown.removeAll(streams.keySet());
        if (!unknown.isEmpty()) {
            throw new ConnectException(SearchSinkConfig.STREAMS + " names no stream for " + unknown);
        }
        taken.clear();
    }

    @Override
    public void close(Collection<TopicPartition> partitions) {
        // Their next task reads them again.
        List.copyOf(waiting.values()).stream().filter(one -> partitions.contains(one.partition())).forEach(this::settled);
        taken.clear();
    }

    @Override
    public void put(Collection<SinkRecord> records) {
        try {
            for (SinkRecord record : records) {
                Document document = document(record);
                if (document == null) {
                    continue;
                }
                if (waiting.size() >= config.getInt(SearchSinkConfig.BATCH_RECORDS)
                        || waitingBytes + document.lines.length > config.getInt(SearchSinkConfig.BATCH_BYTES)
                        || waiting.containsKey(document.id)) {
                    storeWaiting();
                }
                waiting.put(document.id, document);
                waitingBytes += document.lines.length;
                taken.add(document.id);
            }
            if (failures > 0 || records.size() < config.getInt(SearchSinkConfig.POLL_RECORDS)) {
                storeWaiting();
            }
        } catch (RetriableException error) {
            long pause = pause(failures++);
            LOG.warn("not all records are stored; retry in {} ms: {}", pause, error.getMessage());
            context.timeout(pause);
            throw error;
        }
        failures = 0;
        taken.clear();
        clocks.count(records);
        if (!waiting.isEmpty()) {
            context.timeout(LINGER);
        }
    }

    /** Up to where records may be committed: of each partition, the first one that waits. */
    @Override
    public Map<TopicPartition, OffsetAndMetadata> preCommit(Map<TopicPartition, OffsetAndMetadata> offsets) {
        Map<TopicPartition, OffsetAndMetadata> safe = new HashMap<>(offsets);
        for (Document document : waiting.values()) {
            safe.computeIfPresent(document.partition(), (partition, offset) ->
                    document.record.kafkaOffset() < offset.offset()
                            ? new OffsetAndMetadata(document.record.kafkaOffset()) : offset);
        }
        return safe;
    }

    /** The document of a record; null if the record was taken already, or was refused here. */
    private Document document(SinkRecord record) {
        if (taken.contains(Document.id(record))) {
            return null;
        }
        try {
            return Document.of(record, streams.get(record.topic()));
        } catch (DataException error) {
            refuse(record, error);
            return null;
        }
    }

    /** @throws RetriableException if some could not be stored; these still wait */
    private void storeWaiting() {
        if (!waiting.isEmpty()) {
            store(List.copyOf(waiting.values()));
        }
    }

    /** It is stored, in the dead-letter topic, or another task's. */
    private void settled(Document document) {
        if (waiting.remove(document.id) != null) {
            waitingBytes -= document.lines.length;
        }
    }

    private void store(List<Document> documents) {
        List<Bulk.Answer> answers;
        try {
            answers = bulk.create(documents);
        } catch (Bulk.Refused error) {
            if (documents.size() == 1) {
                refuse(documents.get(0).record, new DataException(error.getMessage()));
                settled(documents.get(0));
            } else {
                store(documents.subList(0, documents.size() / 2));
                store(documents.subList(documents.size() / 2, documents.size()));
            }
            return;
        }
        int left = 0;
        Bulk.Answer last = null;
        for (int i = 0; i < answers.size(); i++) {
            Document document = documents.get(i);
            Bulk.Answer answer = answers.get(i);
            if (answer.done()) {
                settled(document);
            } else if (answer.refused()) {
                refuse(document.record, new DataException(answer.status + ": " + answer.reason));
                settled(document);
            } else {
                left++;
                last = answer;
            }
        }
        if (last != null) {
            throw new RetriableException(left + " of " + answers.size() + " documents: " + last.status + ": " + last.reason);
        }
    }

    /** Writes a record into the dead-letter topic and waits until Kafka has it. */
    private void refuse(SinkRecord record, DataException why) {
        if (reporter == null) {
            throw new ConnectException(Document.id(record) + ", and there is no dead-letter topic: " + why.getMessage(), why);
        }
        try {
            reporter.report(record, why).get();
        } catch (ExecutionException error) {
            throw new ConnectException("the dead-letter topic did not take " + Document.id(record), error.getCause());
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            throw new RetriableException("interrupted", error);
        }
        taken.add(Document.id(record));
    }

    /** Milliseconds: twice as long after each failure in a row, times a random 0.5 to 1, so that tasks spread. */
    private long pause(int failuresBefore) {
        long longest = config.getLong(SearchSinkConfig.BACKOFF_MAX);
        long pause = Math.min(longest, config.getLong(SearchSinkConfig.BACKOFF) << Math.min(failuresBefore, 20));
        return pause / 2 + ThreadLocalRandom.current().nextLong(pause / 2 + 1);
    }

    @Override
    public void stop() {
    }
}
