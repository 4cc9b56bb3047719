package kafkalogs.audit;

import io.debezium.connector.jdbc.JdbcSinkConnector;
import java.util.Map;
import org.apache.kafka.connect.connector.Task;

/** Debezium's JDBC sink, after the table has the key of {@link RowKey}: {@link AuditTable}, {@link AuditSinkTask}. */
public final class AuditSinkConnector extends JdbcSinkConnector {
    @Override
    public void start(Map<String, String> settings) {
        new AuditTable(settings).prepare();
        super.start(settings);
    }

    @Override
    public Class<? extends Task> taskClass() {
        return AuditSinkTask.class;
    }
}
