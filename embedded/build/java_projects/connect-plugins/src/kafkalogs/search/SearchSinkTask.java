package kafkalogs.search;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import kafkalogs.events.Clocks;
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
 * <p>{@link #put} returns when every given record is stored or in the dead-letter topic. Only then does Kafka Connect
 * count them as delivered. The task buffers nothing between calls, so Connect commits acknowledged offsets only. If the
 * server cannot store some records now, {@link #put} throws {@link RetriableException}; Connect then pauses and passes
 * the same records again. The task skips records that are stored already. After a restart it sends them again, and the
 * server answers 409 because their ids exist.
 */
public final class SearchSinkTask extends SinkTask {
    private static final Logger LOG = LoggerFactory.getLogger(SearchSinkTask.class);

    private SearchSinkConfig config;
    private Map<String, String> streams;
    private Bulk bulk;
    private ErrantRecordReporter reporter;
    private Clocks clocks;
    private int failures;
    /** Ids of records of an unfinished {@link #put} that are stored, or in the dead-letter topic. */
    private final Set<String> done = new HashSet<>();

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
        done.clear();
    }

    @Override
    public void put(Collection<SinkRecord> records) {
        try {
            List<Document> batch = new ArrayList<>();
            long bytes = 0;
            for (SinkRecord record : records) {
                Document document = document(record);
                if (document == null) {
                    continue;
                }
                boolean full = batch.size() == config.getInt(SearchSinkConfig.BATCH_RECORDS)
                        || bytes + document.lines.length > config.getInt(SearchSinkConfig.BATCH_BYTES);
                if (full && !batch.isEmpty()) {
                    store(batch);
                    batch = new ArrayList<>();
                    bytes = 0;
                }
                batch.add(document);
                bytes += document.lines.length;
            }
            if (!batch.isEmpty()) {
                store(batch);
            }
        } catch (RetriableException error) {
            long pause = pause(failures++);
            LOG.warn("not all records are stored; retry in {} ms: {}", pause, error.getMessage());
            context.timeout(pause);
            throw error;
        }
        failures = 0;
        done.clear();
        clocks.count(records);
    }

    /** The document of a record; null if the record is stored already, or was refused here. */
    private Document document(SinkRecord record) {
        if (done.contains(Document.id(record))) {
            return null;
        }
        try {
            return Document.of(record, streams.get(record.topic()));
        } catch (DataException error) {
            refuse(record, error);
            return null;
        }
    }

    private void store(List<Document> documents) {
        List<Bulk.Answer> answers;
        try {
            answers = bulk.create(documents);
        } catch (Bulk.Refused error) {
            if (documents.size() == 1) {
                refuse(documents.get(0).record, new DataException(error.getMessage()));
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
                done.add(document.id);
            } else if (answer.refused()) {
                refuse(document.record, new DataException(answer.status + ": " + answer.reason));
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
        done.add(Document.id(record));
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
