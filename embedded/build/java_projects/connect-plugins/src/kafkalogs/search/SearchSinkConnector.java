package kafkalogs.search;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.sink.SinkConnector;

/** Writes log events to data streams of Elasticsearch 8 or OpenSearch, see {@link SearchSinkTask}. */
public final class SearchSinkConnector extends SinkConnector {
    private Map<String, String> settings;

    @Override
    public String version() {
        return "1";
    }

    @Override
    public ConfigDef config() {
        return SearchSinkConfig.DEFINITION;
    }

    @Override
    public Class<? extends Task> taskClass() {
        return SearchSinkTask.class;
    }

    @Override
    public void start(Map<String, String> given) {
        settings = new SearchSinkConfig(given).originalsStrings();
    }

    @Override
    public List<Map<String, String>> taskConfigs(int maxTasks) {
        return Collections.nCopies(maxTasks, settings);
    }

    @Override
    public void stop() {
    }
}
