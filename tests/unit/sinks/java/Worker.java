import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import javax.management.MBeanAttributeInfo;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import org.apache.iceberg.Snapshot;
import org.apache.iceberg.Table;
import org.apache.iceberg.catalog.TableIdentifier;
import org.apache.iceberg.data.IcebergGenerics;
import org.apache.iceberg.data.Record;
import org.apache.iceberg.io.CloseableIterable;
import org.apache.iceberg.relocated.com.google.common.collect.Iterables;
import org.apache.kafka.connect.cli.ConnectStandalone;

/** A Connect worker of the settings in a file. For each line it tells what is in the table `logs.events`. */
public final class Worker {
    public static void main(String[] words) throws Exception {
        PrintStream answers = System.out;
        // Connect logs to the standard output, and a worker stands still when nobody reads it.
        System.setOut(System.err);
        Thread worker = new Thread(() -> ConnectStandalone.main(words));
        worker.setDaemon(true);
        worker.start();
        BufferedReader questions = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        for (String line; (line = questions.readLine()) != null;) {
            answers.println("table " + new ObjectMapper().writeValueAsString(answer()));
        }
        System.exit(0);
    }

    private static ObjectNode answer() throws Exception {
        ObjectNode answer = new ObjectMapper().createObjectNode();
        ArrayNode rows = answer.putArray("rows");
        ObjectNode offsets = answer.putObject("offsets");
        TableIdentifier name = TableIdentifier.of("logs", "events");
        if (SharedCatalog.TABLES.tableExists(name)) {
            Table table = SharedCatalog.TABLES.loadTable(name);
            try (CloseableIterable<Record> found = IcebergGenerics.read(table).build()) {
                found.forEach(row -> rows.addArray()
                        .add(row.getField("message").toString())
                        .add((Long) row.getField("kafka_offset")));
            }
            answer.put("snapshots", Iterables.size(table.snapshots()));
            for (Snapshot snapshot : table.snapshots()) {
                snapshot.summary().forEach((key, value) -> {
                    if (key.startsWith("kafka.connect.offsets.")) {
                        offsets.put(key, value);
                    }
                });
            }
        }
        ObjectNode metrics = answer.putObject("metrics");
        MBeanServer beans = ManagementFactory.getPlatformMBeanServer();
        for (ObjectName bean : beans.queryNames(new ObjectName("kafka.connect:type=plugins,*"), null)) {
            for (MBeanAttributeInfo metric : beans.getMBeanInfo(bean).getAttributes()) {
                metrics.put(bean + " " + metric.getName(), ((Number) beans.getAttribute(bean, metric.getName())).longValue());
            }
        }
        return answer;
    }
}
