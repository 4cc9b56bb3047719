package kafkalogs.audit;

import io.debezium.connector.jdbc.JdbcSinkConnector;
import java.util.Map;

/** Debezium's JDBC sink, after the table has the key of {@link RowKey}: {@link AuditTable}. */
public final class AuditSinkConnector extends JdbcSinkConnector {
    @Override
    public void start(Map<String, String> settings) {
        new AuditTable(settings).prepare();
        super.start(settings);
    }
}
