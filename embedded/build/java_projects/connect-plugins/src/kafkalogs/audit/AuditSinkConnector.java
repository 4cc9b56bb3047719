package kafkalogs.audit;

import io.debezium.connector.jdbc.JdbcSinkConnector;
import org.apache.kafka.connect.connector.Task;

/**
 * Debezium's JDBC sink with the tasks of {@link AuditSinkTask}. It starts without the database: a connector that does not
 * start is tried again by nobody but its operator, and that late.
 */
public final class AuditSinkConnector extends JdbcSinkConnector {
    @Override
    public Class<? extends Task> taskClass() {
        return AuditSinkTask.class;
    }
}
