package kafkalogs.archive;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.apache.iceberg.AppendFiles;
import org.apache.iceberg.DataFile;
import org.apache.iceberg.FileFormat;
import org.apache.iceberg.FileScanTask;
import org.apache.iceberg.PartitionKey;
import org.apache.iceberg.PartitionSpec;
import org.apache.iceberg.Schema;
import org.apache.iceberg.Table;
import org.apache.iceberg.catalog.Namespace;
import org.apache.iceberg.catalog.TableIdentifier;
import org.apache.iceberg.data.GenericFileWriterFactory;
import org.apache.iceberg.data.GenericRecord;
import org.apache.iceberg.data.IcebergGenerics;
import org.apache.iceberg.data.InternalRecordWrapper;
import org.apache.iceberg.data.Record;
import org.apache.iceberg.exceptions.ValidationException;
import org.apache.iceberg.expressions.Expressions;
import org.apache.iceberg.inmemory.InMemoryCatalog;
import org.apache.iceberg.io.CloseableIterable;
import org.apache.iceberg.io.FileInfo;
import org.apache.iceberg.io.InputFile;
import org.apache.iceberg.io.OutputFile;
import org.apache.iceberg.io.OutputFileFactory;
import org.apache.iceberg.io.RollingDataWriter;
import org.apache.iceberg.io.SupportsBulkOperations;
import org.apache.iceberg.io.SupportsPrefixOperations;
import org.apache.iceberg.types.Types;

/** Makes tables in a folder, maintains them, and prints what came of it: a line of JSON for each case of the arguments. */
public final class Maintained {
    private static final String OFFSETS = ControlTopic.offsetsProperty("archive.control", "connect-archive");
    private static final long LATER = Long.MAX_VALUE;

    /** Files of this machine, which may be locked: to delete them is refused. */
    public static final class LockingFiles implements SupportsPrefixOperations, SupportsBulkOperations {
        static final Set<String> LOCKED = ConcurrentHashMap.newKeySet();
        static volatile boolean all;

        private static File file(String path) {
            return new File(path.replaceFirst("^file:", ""));
        }

        @Override
        public InputFile newInputFile(String path) {
            return org.apache.iceberg.Files.localInput(file(path));
        }

        @Override
        public OutputFile newOutputFile(String path) {
            return org.apache.iceberg.Files.localOutput(file(path));
        }

        @Override
        public void deleteFile(String path) {
            if (all || LOCKED.stream().anyMatch(path::endsWith)) {
                throw new IllegalStateException("locked: " + path);
            }
            file(path).delete();
        }

        @Override
        public void deleteFiles(Iterable<String> paths) {
            paths.forEach(this::deleteFile);
        }

        @Override
        public Iterable<FileInfo> listPrefix(String prefix) {
            try (Stream<Path> paths = Files.walk(file(prefix).toPath())) {
                return paths.map(Path::toFile).filter(File::isFile).sorted()
                        // Another scheme for the same place, as some engines write.
                        .map(file -> new FileInfo("file://" + file, file.length(), file.lastModified())).toList();
            } catch (IOException error) {
                throw new IllegalStateException(error);
            }
        }

        @Override
        public void deletePrefix(String prefix) {
            throw new UnsupportedOperationException();
        }
    }

    private final File folder;
    private final InMemoryCatalog catalog = new InMemoryCatalog();
    private final Random random;
    private final ObjectNode found = new ObjectMapper().createObjectNode();
    private long rows;

    private Maintained(File folder, long seed) throws ReflectiveOperationException {
        this.folder = folder;
        random = new Random(seed);
        LockingFiles.LOCKED.clear();
        LockingFiles.all = false;
        catalog.initialize("kafkalogs", Map.of());
        // This catalog knows only files in memory, which have neither a time nor a lock.
        Field files = InMemoryCatalog.class.getDeclaredField("io");
        files.setAccessible(true);
        files.set(catalog, new LockingFiles());
        catalog.createNamespace(Namespace.of("logs"));
    }

    public static void main(String[] words) throws Exception {
        for (int i = 1; i < words.length; i++) {
            String[] named = words[i].split(":");
            Maintained made = new Maintained(new File(words[0], "case-" + i), named.length > 1 ? Long.parseLong(named[1]) : i);
            switch (named[0]) {
                case "random": made.anyTable(); break;
                case "quiet": made.quiet(); break;
                case "late": made.late(); break;
                case "other": made.otherProgram(); break;
                case "broken": made.broken(); break;
                case "expired": made.expired(); break;
                case "orphans": made.orphans(); break;
                case "large": made.large(); break;
                default: throw new IllegalArgumentException(words[i]);
            }
            System.out.println(made.found);
        }
        System.exit(0);
    }

    /** Rows of any partitions, under any specs and columns, with appends and deletions before and in the middle. */
    private void anyTable() throws Exception {
        Table table = table(pick(List.of("none", "day,service", "service")));
        int appends = 3 + random.nextInt(12);
        for (int i = 0; i < appends; i++) {
            if (i == appends / 2 && random.nextBoolean()) {
                table.updateSchema().addColumn("more", Types.StringType.get()).commit();
            }
            if (i == appends / 2 && random.nextBoolean()) {
                table.updateSpec().addField(Expressions.bucket("message", 2)).commit();
            }
            append(table, 1 + random.nextInt(40), 1 + random.nextInt(3), random.nextInt(300));
        }
        if (random.nextBoolean()) {
            try {
                table.newDelete().deleteFromRowFilter(Expressions.equal("service", "s0")).commit();
            } catch (ValidationException error) {
                // Some file has rows of other services too.
            }
        }
        List<String> expected = Collections.synchronizedList(read(table));
        int files = files(table).size();
        int[] calls = {random.nextInt(200)};
        Table other = catalog.loadTable(TableIdentifier.of("logs", "events"));
        BooleanSupplier meanwhile = () -> {
            if (calls[0]-- == 0) {
                other.refresh();
                append(other, 5, 1, 20);
                expected.clear();
                expected.addAll(read(other));
            }
            return false;
        };
        long full = 3_000 + random.nextInt(60_000);
        Compaction compaction = compaction(table, full, meanwhile);
        compaction.run(LATER, LATER);
        table.refresh();
        int replaced = compaction.replaced();
        Compaction second = compaction(table, full, () -> false);
        second.run(LATER, LATER);
        found.put("rows", expected.size()).put("same", expected.equals(read(table)));
        found.put("before", files).put("after", files(table).size()).put("replaced", replaced);
        found.put("second", second.replaced()).put("left", unlisted(table).size());
        found.put("small", crowded(table, full));
    }

    /** A partition that gets rows waits until it has a full file or is quiet. */
    private void quiet() throws Exception {
        Table table = table("service");
        for (int i = 0; i < 6; i++) {
            append(table, 1, 1, 100);
        }
        Compaction now = compaction(table, 100_000, () -> false);
        now.run(0, LATER);
        found.put("hot", now.replaced());
        long all = files(table).stream().mapToLong(DataFile::fileSizeInBytes).sum();
        Compaction filled = compaction(table, all * 7 / 10, () -> false);
        filled.run(0, LATER);
        found.put("full", filled.replaced());
        Compaction settled = compaction(table, 100_000, () -> false);
        settled.run(LATER, LATER);
        found.put("settled", settled.replaced()).put("rows", read(table).size());
    }

    /** Late rows do not make a large file be written again, and do not stay apart for ever either. */
    private void late() throws Exception {
        Table table = table("none");
        append(table, 300, 1, 2_000);
        long large = files(table).get(0).fileSizeInBytes();
        long most = 0;
        int rewritten = 0;
        for (int i = 0; i < 30; i++) {
            append(table, 1, 1, 10);
            Compaction compaction = compaction(table, 4 * large, () -> false);
            compaction.run(LATER, LATER);
            most = Math.max(most, files(table).size());
            rewritten += files(table).stream().noneMatch(file -> file.fileSizeInBytes() == large) ? 1 : 0;
        }
        found.put("most", most).put("rewritten", rewritten).put("rows", read(table).size());
    }

    /** Another program replaces the same files first. */
    private void otherProgram() throws Exception {
        Table table = table("none");
        for (int i = 0; i < 6; i++) {
            append(table, 20, 1, 50);
        }
        List<String> expected = read(table);
        boolean[] first = {true};
        Table other = catalog.loadTable(TableIdentifier.of("logs", "events"));
        Compaction compaction = compaction(table, 1 << 20, () -> {
            if (first[0]) {
                first[0] = false;
                compaction(other, 1 << 20, () -> false).run(LATER, LATER);
            }
            return false;
        });
        try {
            compaction.run(LATER, LATER);
        } catch (RuntimeException error) {
            found.put("refused", error.getClass().getSimpleName());
        }
        table.refresh();
        found.put("same", expected.equals(read(table))).put("after", files(table).size()).put("left", unlisted(table).size());
    }

    /** One file of many cannot be read. */
    private void broken() throws Exception {
        Table table = table("none");
        for (int i = 0; i < 10; i++) {
            append(table, 5, 1, 50);
        }
        Path bad = Path.of(files(table).get(4).location().replaceFirst("^file:", ""));
        byte[] good = Files.readAllBytes(bad);
        Files.write(bad, new byte[good.length]);
        Files.deleteIfExists(bad.resolveSibling("." + bad.getFileName() + ".crc"));
        try {
            compaction(table, 1 << 20, () -> false).run(LATER, LATER);
        } catch (RuntimeException error) {
            found.put("told", true);
        }
        Files.write(bad, good);
        table.refresh();
        found.put("rows", read(table).size()).put("after", files(table).size()).put("left", unlisted(table).size());
    }

    /** All of it: the old snapshots go with their files, or stay where that is forbidden or refused. */
    private void expired() throws Exception {
        for (String how : List.of("free", "forbidden", "refused")) {
            Table table = table("service");
            table.updateProperties().set("history.expire.max-snapshot-age-ms", "1")
                    .set("gc.enabled", how.equals("forbidden") ? "false" : "true").commit();
            for (int i = 0; i < 8; i++) {
                append(table, 4, 1, 50);
            }
            table.newDelete().deleteFromRowFilter(Expressions.equal("service", "s1")).commit();
            List<String> expected = read(table);
            LockingFiles.all = how.equals("refused");
            Maintenance maintenance = maintenance(table, Map.of());
            maintenance.all();
            Thread.sleep(5);
            append(table, 1, 1, 50);
            maintenance.all();
            LockingFiles.all = false;
            table.refresh();
            ObjectNode told = found.putObject(how);
            told.put("rows", read(table).size() - expected.size()).put("files", files(table).size());
            told.put("snapshots", SnapshotExpiry.count(table)).put("left", unlisted(table).size());
            told.put("offsets", SnapshotExpiry.newestOfSink(table, OFFSETS) != null);
            maintenance.close();
            catalog.dropTable(TableIdentifier.of("logs", "events"), true);
        }
    }

    /** What stays of files that no snapshot has. */
    private void orphans() throws Exception {
        Table table = table("service");
        append(table, 10, 1, 50);
        table.newDelete().deleteFromRowFilter(Expressions.equal("service", "s1")).commit();
        List<String> expected = read(table);
        long day = 86_400_000;
        place(table, "old.parquet", 4 * day);
        place(table, "locked.parquet", 5 * day);
        place(table, "z-after-locked.parquet", 5 * day);
        place(table, "announced.parquet", 0);
        place(table, "yesterday.parquet", 2 * day);
        place(table, "notes.txt", 9 * day);
        LockingFiles.LOCKED.add("/locked.parquet");
        Maintenance maintenance = maintenance(table, Map.of());
        maintenance.all();
        found.put("usual", left(table)).put("same", expected.equals(read(table)));
        // However short the time: what was written after the last commit may be part of the next one.
        LockingFiles.LOCKED.clear();
        maintenance(table, Map.of("kafkalogs.archive.maintenance.orphans.ms", "0")).all();
        found.put("at once", left(table));
        table.updateProperties().set("gc.enabled", "false").commit();
        place(table, "old.parquet", 4 * day);
        maintenance(table, Map.of()).all();
        found.put("forbidden", left(table));
        table.updateProperties().set("gc.enabled", "true").commit();
        maintenance(table, Map.of("kafkalogs.archive.maintenance.enabled", "false")).all();
        found.put("off", left(table));
    }

    /** More than the heap has. */
    private void large() throws Exception {
        Table table = table("none");
        for (int i = 0; i < 24; i++) {
            append(table, 160, 1, 50_000);
        }
        Compaction compaction = compaction(table, Compaction.FULL, () -> false);
        compaction.run(LATER, LATER);
        table.refresh();
        long bytes = files(table).stream().mapToLong(DataFile::fileSizeInBytes).sum();
        found.put("replaced", compaction.replaced()).put("after", files(table).size()).put("mib", bytes >> 20);
    }

    private Compaction compaction(Table table, long full, BooleanSupplier stopped) {
        return new Compaction(table, Map.of("write.parquet.row-group-check-min-record-count", "10",
                "write.parquet.row-group-check-max-record-count", "10"), full, stopped);
    }

    private Maintenance maintenance(Table table, Map<String, String> given) {
        Map<String, String> settings = new HashMap<>(Map.of("kafkalogs.archive.maintenance.quiet.ms", "-1000"));
        settings.putAll(given);
        return new Maintenance(() -> List.of(table), OFFSETS, new Maintenance.Settings(settings, Map.of()));
    }

    private Table table(String by) {
        Schema schema = new Schema(
                Types.NestedField.required(1, "timestamp", Types.TimestampType.withZone()),
                Types.NestedField.required(2, "service", Types.StringType.get()),
                Types.NestedField.optional(3, "message", Types.StringType.get()),
                Types.NestedField.optional(4, "duration", Types.DoubleType.get()),
                Types.NestedField.optional(5, "offset", Types.LongType.get()));
        PartitionSpec.Builder spec = PartitionSpec.builderFor(schema);
        if (by.contains("day")) {
            spec.day("timestamp");
        }
        if (by.contains("service")) {
            spec.identity("service");
        }
        return catalog.createTable(TableIdentifier.of("logs", "events"), schema, spec.build(),
                "file:" + folder.getAbsolutePath() + "/logs/events", Map.of(
                "format-version", "2", "write.parquet.compression-codec", "zstd",
                "write.parquet.row-group-size-bytes", "8388608"));
    }

    /** Append rows of some partitions as the sink does: a file for each, and the offsets in the snapshot. */
    private void append(Table table, int count, int days, int length) {
        Map<PartitionKey, List<Record>> partitions = new HashMap<>();
        PartitionKey key = new PartitionKey(table.spec(), table.schema());
        InternalRecordWrapper wrapper = new InternalRecordWrapper(table.schema().asStruct());
        for (int i = 0; i < count; i++) {
            GenericRecord row = GenericRecord.create(table.schema());
            row.set(0, OffsetDateTime.of(2026, 1, 1 + random.nextInt(days), 0, 0, 0, 1000 * random.nextInt(9), ZoneOffset.UTC));
            row.set(1, length == 100 ? "s0" : "s" + random.nextInt(3));
            row.set(2, random.nextInt(10) == 0 && length != 100 ? null : text(length));
            row.set(3, random.nextInt(5) == 0 ? null : pick(List.of(0.1, -0.0, Double.NaN, Double.MAX_VALUE)));
            // The same row may be there twice.
            row.set(4, random.nextInt(4) == 0 ? 7 : rows++);
            if (table.schema().findField("more") != null) {
                row.setField("more", text(3));
            }
            key.partition(wrapper.wrap(row));
            partitions.computeIfAbsent(key.copy(), any -> new ArrayList<>()).add(row);
        }
        AppendFiles append = table.newAppend().set(OFFSETS, "{\"0\":" + rows + "}");
        OutputFileFactory files = OutputFileFactory.builderFor(table, 1, random.nextInt(Integer.MAX_VALUE))
                .format(FileFormat.PARQUET).build();
        GenericFileWriterFactory factory =
                new GenericFileWriterFactory.Builder(table).dataFileFormat(FileFormat.PARQUET).build();
        partitions.forEach((partition, records) -> {
            RollingDataWriter<Record> writer = new RollingDataWriter<>(
                    factory, files, table.io(), 1L << 40, table.spec(), partition);
            records.forEach(writer::write);
            close(writer);
            writer.result().dataFiles().forEach(append::appendFile);
        });
        append.commit();
    }

    private static void close(AutoCloseable resource) {
        try {
            resource.close();
        } catch (Exception error) {
            throw new IllegalStateException(error);
        }
    }

    private String text(int length) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < length; i++) {
            text.append((char) (random.nextInt(50) == 0 ? 0x4e00 + random.nextInt(500) : 32 + random.nextInt(95)));
        }
        return text.toString();
    }

    private <T> T pick(List<T> all) {
        return all.get(random.nextInt(all.size()));
    }

    /** All rows, sorted: equal lists are equal multisets. */
    private static List<String> read(Table table) {
        List<String> all = new ArrayList<>();
        try (CloseableIterable<Record> records = IcebergGenerics.read(table).build()) {
            for (Record row : records) {
                StringBuilder text = new StringBuilder();
                for (int i = 0; i < 5; i++) {
                    text.append(row.get(i)).append('|');
                }
                Types.NestedField more = table.schema().findField("more");
                all.add(text.append(more == null ? null : row.getField("more")).toString());
            }
        } catch (IOException error) {
            throw new IllegalStateException(error);
        }
        Collections.sort(all);
        return all;
    }

    private static List<DataFile> files(Table table) {
        List<DataFile> all = new ArrayList<>();
        table.refresh();
        for (FileScanTask task : table.newScan().planFiles()) {
            all.add(task.file());
        }
        return all;
    }

    /** How many small files the fullest partition has. */
    private static long crowded(Table table, long full) {
        Map<String, Integer> small = new HashMap<>();
        for (FileScanTask task : table.newScan().planFiles()) {
            if (task.file().fileSizeInBytes() < full / 2) {
                small.merge(task.spec().specId() + task.spec().partitionToPath(task.file().partition()), 1, Integer::sum);
            }
        }
        return small.values().stream().mapToInt(count -> count).max().orElse(0);
    }

    private void place(Table table, String name, long age) throws IOException {
        File file = new File(folder, "logs/events/data/" + name);
        file.getParentFile().mkdirs();
        Files.writeString(file.toPath(), "x");
        file.setLastModified(table.currentSnapshot().timestampMillis() - age + (age == 0 ? 1_000 : 0));
    }

    /** The names of the placed files that are still there. */
    private String left(Table table) {
        List<String> names = new ArrayList<>();
        for (File file : new File(folder, "logs/events/data").listFiles(File::isFile)) {
            if (!file.getName().endsWith(".crc")) {
                names.add(file.getName().replaceFirst("\\..*", ""));
            }
        }
        Collections.sort(names);
        return String.join(" ", names);
    }

    /** The data files on the disk that no snapshot has. */
    private List<String> unlisted(Table table) throws IOException {
        Set<String> known = ConcurrentHashMap.newKeySet();
        table.refresh();
        table.snapshots().forEach(snapshot -> {
            for (FileScanTask task : table.newScan().useSnapshot(snapshot.snapshotId()).planFiles()) {
                known.add(new File(task.file().location()).getName());
            }
        });
        try (var walk = Files.walk(folder.toPath().resolve("logs/events/data"))) {
            return walk.map(path -> path.getFileName().toString())
                    .filter(name -> name.endsWith(".parquet") && !known.contains(name)).toList();
        }
    }
}
