package kafkalogs.stream;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamSource;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.ProviderContext;
import org.apache.flink.table.connector.source.DataStreamScanProvider;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.ScanTableSource;
import org.apache.flink.table.connector.source.abilities.SupportsReadingMetadata;
import org.apache.flink.table.connector.source.abilities.SupportsWatermarkPushDown;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.DataType;

/** The table of Flink's connector {@code kafka}, with a {@link LogsSource} in place of its {@link KafkaSource}. */
final class LogsTableSource implements ScanTableSource, SupportsReadingMetadata, SupportsWatermarkPushDown {
    private final ScanTableSource kafka;
    private final Properties client;

    LogsTableSource(ScanTableSource kafka, Properties client) {
        this.kafka = kafka;
        this.client = client;
    }

    @Override
    public ScanRuntimeProvider getScanRuntimeProvider(ScanContext context) {
        var provider = (DataStreamScanProvider) kafka.getScanRuntimeProvider(context);
        return new DataStreamScanProvider() {
            @Override
            public DataStream<RowData> produceDataStream(ProviderContext names, StreamExecutionEnvironment job) {
                return provider.produceDataStream(names, new Wrapping(job, client));
            }

            @Override
            public boolean isBounded() {
                return provider.isBounded();
            }

            @Override
            public Optional<Integer> getParallelism() {
                return provider.getParallelism();
            }
        };
    }

    @Override
    public ChangelogMode getChangelogMode() {
        return kafka.getChangelogMode();
    }

    @Override
    public Map<String, DataType> listReadableMetadata() {
        return ((SupportsReadingMetadata) kafka).listReadableMetadata();
    }

    @Override
    public void applyReadableMetadata(List<String> keys, DataType produced) {
        ((SupportsReadingMetadata) kafka).applyReadableMetadata(keys, produced);
    }

    @Override
    public boolean supportsMetadataProjection() {
        return ((SupportsReadingMetadata) kafka).supportsMetadataProjection();
    }

    @Override
    public void applyWatermark(WatermarkStrategy<RowData> strategy) {
        ((SupportsWatermarkPushDown) kafka).applyWatermark(strategy);
    }

    @Override
    public DynamicTableSource copy() {
        return new LogsTableSource((ScanTableSource) kafka.copy(), client);
    }

    @Override
    public String asSummaryString() {
        return kafka.asSummaryString();
    }

    /** Stands for the job to which the table adds its source, and adds the source inside a {@link LogsSource}. */
    private static final class Wrapping extends StreamExecutionEnvironment {
        private final StreamExecutionEnvironment job;
        private final Properties client;

        Wrapping(StreamExecutionEnvironment job, Properties client) {
            this.job = job;
            this.client = client;
        }

        @Override
        public <T> DataStreamSource<T> fromSource(
                Source<T, ?, ?> source, WatermarkStrategy<T> watermarks, String name, TypeInformation<T> type) {
            return job.fromSource(new LogsSource<>((KafkaSource<T>) source, client), watermarks, name, type);
        }
    }
}
