import java.util.List;
import java.util.Map;
import org.apache.iceberg.Schema;
import org.apache.iceberg.Table;
import org.apache.iceberg.catalog.Catalog;
import org.apache.iceberg.catalog.Namespace;
import org.apache.iceberg.catalog.TableIdentifier;
import org.apache.iceberg.inmemory.InMemoryCatalog;

/** A catalog whose tables all tasks of a worker see, as those of a server are, and which outlives the tasks. */
public final class SharedCatalog implements Catalog {
    static final InMemoryCatalog TABLES = new InMemoryCatalog();

    static {
        TABLES.initialize("shared", Map.of());
        TABLES.createNamespace(Namespace.of("logs"));
    }

    @Override
    public void initialize(String name, Map<String, String> properties) {
    }

    @Override
    public List<TableIdentifier> listTables(Namespace namespace) {
        return TABLES.listTables(namespace);
    }

    @Override
    public Table loadTable(TableIdentifier table) {
        return TABLES.loadTable(table);
    }

    @Override
    public TableBuilder buildTable(TableIdentifier table, Schema schema) {
        return TABLES.buildTable(table, schema);
    }

    @Override
    public boolean dropTable(TableIdentifier table, boolean purge) {
        return TABLES.dropTable(table, purge);
    }

    @Override
    public void renameTable(TableIdentifier from, TableIdentifier to) {
        TABLES.renameTable(from, to);
    }
}
