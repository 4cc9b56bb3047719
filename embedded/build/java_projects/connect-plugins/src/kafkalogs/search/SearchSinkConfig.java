package kafkalogs.search;

import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Range;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.common.config.ConfigException;

/** The settings of the sink. As for all connectors, credentials are references to files. */
final class SearchSinkConfig extends AbstractConfig {
    static final String URL = "search.url";
    static final String USERNAME = "search.username";
    static final String PASSWORD = "search.password";
    static final String CA = "search.tls.ca.path";
    static final String STREAMS = "search.streams";
    static final String BATCH_RECORDS = "search.batch.records";
    static final String BATCH_BYTES = "search.batch.bytes";
    static final String POLL_RECORDS = "search.poll.records";
    static final String TIMEOUT = "search.request.timeout.ms";
    static final String BACKOFF = "search.retry.backoff.ms";
    static final String BACKOFF_MAX = "search.retry.backoff.max.ms";

    static final ConfigDef DEFINITION = new ConfigDef()
            .define(URL, Type.STRING, ConfigDef.NO_DEFAULT_VALUE, Importance.HIGH,
                    "Where Elasticsearch or OpenSearch answers, e.g. https://elasticsearch:9200")
            .define(USERNAME, Type.STRING, null, Importance.HIGH, "The user; nobody logs in when absent")
            .define(PASSWORD, Type.PASSWORD, null, Importance.HIGH, "The user's password")
            .define(CA, Type.STRING, null, Importance.MEDIUM,
                    "A PEM file with the certificates that may sign the server's; Java's own when absent")
            .define(STREAMS, Type.LIST, ConfigDef.NO_DEFAULT_VALUE, Importance.HIGH,
                    "For each topic the data stream or index that it goes to, as topic=stream")
            .define(BATCH_RECORDS, Type.INT, 1000, Range.atLeast(1), Importance.LOW, "Most records of a request")
            .define(BATCH_BYTES, Type.INT, 4 * 1024 * 1024, Range.atLeast(1), Importance.LOW,
                    "Most bytes of a request, if it has more than one record")
            .define(POLL_RECORDS, Type.INT, Integer.MAX_VALUE, Range.atLeast(1), Importance.LOW,
                    "Most records of a poll (max.poll.records): after so many, more are waited for, up to a whole request")
            .define(TIMEOUT, Type.LONG, 30_000L, Range.atLeast(1), Importance.LOW,
                    "How long an answer is waited for; milliseconds")
            .define(BACKOFF, Type.LONG, 500L, Range.atLeast(1), Importance.LOW,
                    "The pause before the first repetition; it doubles each time; milliseconds")
            .define(BACKOFF_MAX, Type.LONG, 30_000L, Range.atLeast(1), Importance.LOW,
                    "The longest pause before a repetition; milliseconds");

    SearchSinkConfig(Map<String, String> settings) {
        super(DEFINITION, settings);
        streams();
    }

    /** The data stream of each topic. */
    Map<String, String> streams() {
        Map<String, String> streams = new LinkedHashMap<>();
        for (String entry : getList(STREAMS)) {
            String[] parts = entry.split("=", -1);
            if (parts.length != 2 || parts[0].isBlank() || parts[1].isBlank()) {
                throw new ConfigException(STREAMS, entry, "write topic=stream");
            }
            if (streams.put(parts[0].trim(), parts[1].trim()) != null) {
                throw new ConfigException(STREAMS, entry, "the topic has a stream already");
            }
        }
        return streams;
    }
}
