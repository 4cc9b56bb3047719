package kafkalogs.archive;

import org.apache.iceberg.connect.IcebergSinkConnector;
import org.apache.kafka.connect.connector.Task;

/** Iceberg's sink, which also sees whether its control topic is still the one that the table knows: {@link ArchiveSinkTask}. */
public final class ArchiveSinkConnector extends IcebergSinkConnector {
    @Override
    public Class<? extends Task> taskClass() {
        return ArchiveSinkTask.class;
    }
}
