package kafkalogs.stream;

import java.util.Properties;
import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.streaming.connectors.kafka.table.KafkaDynamicTableFactory;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.ScanTableSource;
import org.apache.flink.table.factories.DynamicTableSourceFactory;

/** The connector {@code kafka-logs}: Flink's {@code kafka} with the same options, as a {@link LogsSource}. */
public final class LogsTableFactory implements DynamicTableSourceFactory {
    private static final String PROPERTIES = "properties.";

    private final DynamicTableSourceFactory kafka = new KafkaDynamicTableFactory();

    @Override
    public String factoryIdentifier() {
        return "kafka-logs";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return kafka.requiredOptions();
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return kafka.optionalOptions();
    }

    @Override
    public DynamicTableSource createDynamicTableSource(Context context) {
        var client = new Properties();
        context.getCatalogTable().getOptions().forEach((key, value) -> {
            if (key.startsWith(PROPERTIES)) {
                client.setProperty(key.substring(PROPERTIES.length()), value);
            }
        });
        return new LogsTableSource((ScanTableSource) kafka.createDynamicTableSource(context), client);
    }
}
