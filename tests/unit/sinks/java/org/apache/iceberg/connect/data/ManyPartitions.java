package org.apache.iceberg.connect.data;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.lang.reflect.Proxy;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.apache.iceberg.DataFile;
import org.apache.iceberg.FileFormat;
import org.apache.iceberg.PartitionSpec;
import org.apache.iceberg.Schema;
import org.apache.iceberg.Table;
import org.apache.iceberg.catalog.Namespace;
import org.apache.iceberg.catalog.TableIdentifier;
import org.apache.iceberg.data.GenericFileWriterFactory;
import org.apache.iceberg.data.GenericRecord;
import org.apache.iceberg.inmemory.InMemoryCatalog;
import org.apache.iceberg.io.FileIO;
import org.apache.iceberg.io.OutputFileFactory;
import org.apache.iceberg.io.WriteResult;
import org.apache.iceberg.types.Types;

/**
 * Writes rows of many partitions through the archive's writer, commits them, and prints what came of it.
 *
 * <p>Arguments: the bound of the open files in bytes, days, services, rounds through all of them, characters of a message.
 */
public final class ManyPartitions {
    public static void main(String[] words) throws Exception {
        int days = Integer.parseInt(words[1]), services = Integer.parseInt(words[2]), rounds = Integer.parseInt(words[3]);
        String message = "x".repeat(Integer.parseInt(words[4]));
        Schema schema = new Schema(
                Types.NestedField.required(1, "timestamp", Types.TimestampType.withZone()),
                Types.NestedField.required(2, "service", Types.StringType.get()),
                Types.NestedField.required(3, "message", Types.StringType.get()));
        InMemoryCatalog catalog = new InMemoryCatalog();
        catalog.initialize("kafkalogs", Map.of());
        catalog.createNamespace(Namespace.of("logs"));
        PartitionSpec spec = PartitionSpec.builderFor(schema).day("timestamp").identity("service").build();
        Table table = catalog.createTable(TableIdentifier.of("logs", "events"), schema, spec, Map.of(
                "write.parquet.compression-codec", "zstd", "write.parquet.row-group-size-bytes", "8388608"));
        OutputFileFactory files = OutputFileFactory.builderFor(table, 1, 1).format(FileFormat.PARQUET).build();
        PartitionedAppendWriter writer = new PartitionedAppendWriter(
                spec, FileFormat.PARQUET, new GenericFileWriterFactory.Builder(table).dataFileFormat(FileFormat.PARQUET).build(),
                files, withBound(table.io(), words[0]), 128 << 20, schema);
        int most = 0;
        for (int round = 0; round < rounds; round++) {
            for (int day = 0; day < days; day++) {
                for (int service = 0; service < services; service++) {
                    GenericRecord row = GenericRecord.create(schema);
                    row.set(0, OffsetDateTime.of(2026, 1, 1, 0, 0, 0, 0, ZoneOffset.UTC).plusDays(day));
                    row.set(1, "service-" + service);
                    row.set(2, message);
                    writer.write(row);
                    most = Math.max(most, writer.openFiles());
                }
            }
        }
        WriteResult result = writer.complete();
        Set<String> partitions = new HashSet<>();
        long rows = 0;
        for (DataFile file : result.dataFiles()) {
            partitions.add(spec.partitionToPath(file.partition()));
            rows += file.recordCount();
        }
        ObjectNode found = new ObjectMapper().createObjectNode();
        found.put("most", most).put("files", result.dataFiles().length).put("partitions", partitions.size()).put("rows", rows);
        found.put("left", writer.openFiles());
        System.out.println(found);
        System.exit(0);
    }

    private static FileIO withBound(FileIO io, String bytes) {
        return (FileIO) Proxy.newProxyInstance(FileIO.class.getClassLoader(), new Class<?>[] {FileIO.class},
                (proxy, method, given) -> method.getName().equals("properties")
                        ? Map.of(PartitionedAppendWriter.BOUND, bytes) : method.invoke(io, given));
    }
}
