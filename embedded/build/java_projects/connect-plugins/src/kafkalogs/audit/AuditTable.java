package kafkalogs.audit;

import java.sql.Connection;
import java.sql.Driver;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The sink's table in PostgreSQL, and the key of its rows. */
final class AuditTable {
    private static final Logger LOG = LoggerFactory.getLogger(AuditTable.class);
    private static final String KEY = "SELECT c.conname, a.attname FROM pg_constraint c"
            + " JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)"
            + " WHERE c.contype = 'p' AND c.conrelid = to_regclass(?)";

    private static final String LOCK = "SELECT pg_advisory_xact_lock(hashtext(?))";

    private static final String NO_TABLE = "42P01";

    /** Classes of PostgreSQL's errors that pass: no connection, too many of them, the server starts or ends. */
    private static final Set<String> PASSING = Set.of("08", "53", "57");

    private final String url;
    private final Properties login = new Properties();
    private final String table;

    AuditTable(Map<String, String> settings) {
        url = settings.get("connection.url");
        login.setProperty("user", settings.getOrDefault("connection.username", ""));
        login.setProperty("password", settings.getOrDefault("connection.password", ""));
        table = settings.get("collection.name.format");
    }

    /**
     * Give a table of an earlier version, whose key is the place in Kafka alone, the column of the digest and the key
     * with it. Its rows stay, with an empty digest. Without a table there is nothing to do: the sink makes it.
     *
     * @throws RetriableException if the database does not answer now
     * @throws ConnectException if it refuses, or the table has another key
     */
    void prepare() {
        try (Connection database = driver().connect(url, login)) {
            if (database == null) {
                throw new ConnectException("connection.url " + url.replaceAll("\\?.*", "") + " is no PostgreSQL database");
            }
            database.setAutoCommit(false);
            // Each task does this, and one finds what another has done.
            try (PreparedStatement statement = database.prepareStatement(LOCK)) {
                statement.setString(1, table);
                statement.execute();
            }
            String constraint = null;
            Set<String> columns = new TreeSet<>();
            try (PreparedStatement statement = database.prepareStatement(KEY)) {
                statement.setString(1, table);
                try (ResultSet rows = statement.executeQuery()) {
                    while (rows.next()) {
                        constraint = rows.getString(1);
                        columns.add(rows.getString(2));
                    }
                }
            }
            if (columns.equals(new TreeSet<>(RowKey.COLUMNS.subList(0, 3)))) {
                extend(database, constraint);
            } else if (!columns.isEmpty() && !columns.equals(new TreeSet<>(RowKey.COLUMNS))) {
                throw new ConnectException("table " + table + " has the primary key " + columns + ", and the sink needs "
                        + RowKey.COLUMNS + ": name another table, or change its key");
            }
            database.commit();
        } catch (SQLException error) {
            String told = "table " + table + ": " + error.getMessage();
            String state = String.valueOf(error.getSQLState());
            throw PASSING.contains(state.substring(0, Math.min(2, state.length())))
                    ? new RetriableException(told, error)
                    : new ConnectException(told, error);
        }
    }

    /**
     * Whether the table has another record of this place; false if there is no table yet.
     * Rows of an earlier version have an empty digest: their message must be another one.
     */
    boolean hasOther(SinkRecord record) throws SQLException {
        Struct row = (Struct) record.value();
        String others = "SELECT 1 FROM " + table + " WHERE __connect_topic = ? AND __connect_partition = ?"
                + " AND __connect_offset = ? AND " + RowKey.DIGEST + " <> ? AND (" + RowKey.DIGEST + " <> '' OR message <> ?)"
                + " LIMIT 1";
        try (Connection database = driver().connect(url, login);
                PreparedStatement statement = database.prepareStatement(others)) {
            for (int i = 0; i < RowKey.COLUMNS.size(); i++) {
                statement.setObject(i + 1, row.get(RowKey.COLUMNS.get(i)));
            }
            statement.setString(RowKey.COLUMNS.size() + 1, row.getString("message"));
            try (ResultSet rows = statement.executeQuery()) {
                return rows.next();
            }
        } catch (SQLException error) {
            if (NO_TABLE.equals(error.getSQLState())) {
                return false;
            }
            throw error;
        }
    }

    private void extend(Connection database, String constraint) throws SQLException {
        LOG.info("the key of table {} becomes {}", table, RowKey.COLUMNS);
        try (Statement statement = database.createStatement()) {
            statement.execute("ALTER TABLE " + table + " ADD COLUMN IF NOT EXISTS " + RowKey.DIGEST
                    + " text NOT NULL DEFAULT ''");
            statement.execute("ALTER TABLE " + table + " DROP CONSTRAINT \"" + constraint.replace("\"", "\"\"") + "\"");
            statement.execute("ALTER TABLE " + table + " ADD PRIMARY KEY (" + String.join(", ", RowKey.COLUMNS) + ")");
        }
    }

    /** The driver of this plugin. DriverManager could give one of another plugin. */
    private static Driver driver() {
        try {
            return (Driver) Class.forName("org.postgresql.Driver").getDeclaredConstructor().newInstance();
        } catch (ReflectiveOperationException error) {
            throw new ConnectException("the plugin has no driver for PostgreSQL", error);
        }
    }
}
