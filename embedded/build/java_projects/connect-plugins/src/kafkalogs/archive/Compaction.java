package kafkalogs.archive;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import org.apache.iceberg.DataFile;
import org.apache.iceberg.DataOperations;
import org.apache.iceberg.FileFormat;
import org.apache.iceberg.FileScanTask;
import org.apache.iceberg.Snapshot;
import org.apache.iceberg.Table;
import org.apache.iceberg.TableUtil;
import org.apache.iceberg.data.GenericFileWriterFactory;
import org.apache.iceberg.data.IdentityPartitionConverters;
import org.apache.iceberg.data.Record;
import org.apache.iceberg.data.parquet.GenericParquetReaders;
import org.apache.iceberg.exceptions.CleanableFailure;
import org.apache.iceberg.io.CloseableIterable;
import org.apache.iceberg.io.OutputFileFactory;
import org.apache.iceberg.io.RollingDataWriter;
import org.apache.iceberg.parquet.Parquet;
import org.apache.iceberg.util.PartitionUtil;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Rewrites small files of a table into larger ones, a few at a time, within a bounded memory.
 *
 * <p>A commit of the sink makes a file for each partition, so a partition of one day can have hundreds. A partition is
 * rewritten when nothing was appended to it for a while: its rows are then written once more, and not again each hour. A
 * partition that has enough for a full file is not waited for. A file is rewritten only with others that have at least half
 * its size together, so a late event does not rewrite a large file. Each row is therefore written a few times at most.
 *
 * <p>Rows are read and written one by one. A commit replaces the files of one new file, and fails if one of them is no longer
 * in the table, or if a row of them was deleted meanwhile. It never conflicts with rows that are appended.
 *
 * <p>These files stay as they are: files of another format than Parquet, files with delete files, files whose row groups are
 * larger than the sink writes them, and tables of format version 3, whose rows have ids that would have to be kept. A file
 * that cannot be read is left out, and the others are rewritten without it.
 */
final class Compaction {
    private static final Logger LOG = LoggerFactory.getLogger(Compaction.class);

    /**
     * A rewritten file is not larger; bytes. A restart loses the work on one file, and while S3 is slow all of it may wait
     * in /tmp.
     */
    static final long FULL = 64L << 20;
    /** The bytes of a row group of a file that may be rewritten: a reader holds one. */
    private static final long ROW_GROUP = 8L << 20;
    /** A file below this part of a full one is small. */
    private static final double SMALL = 0.75;
    /** How many files one pass may hold in memory. */
    private static final int FILES = 5_000;
    /** How many partitions with small files one pass may count. */
    private static final int PARTITIONS = 200_000;
    /** So many small files always have some that may be rewritten together: sizes that may not grow threefold. */
    private static final int MANY = 20;
    private static final int MOST_VERSION = 2;
    /** After so many failures the store or the catalog is away, not a file broken. */
    private static final int FAILURES = 5;

    private final Table table;
    private final Map<String, String> writing;
    private final long full;
    private final long small;
    private final BooleanSupplier stopped;
    /** Files that could not be rewritten in this run. */
    private final Set<String> failed = new HashSet<>();
    private int replaced;

    /**
     * @param writing settings of the writer, which override the table's properties
     * @param full the bytes of a full file
     * @param stopped whether the work has to end now
     */
    Compaction(Table table, Map<String, String> writing, long full, BooleanSupplier stopped) {
        this.table = table;
        this.writing = writing;
        this.full = full;
        this.small = (long) (full * SMALL);
        this.stopped = stopped;
    }

    /** What a partition has of small files. */
    private static final class Small {
        int files;
        long bytes;
        long largest;
        long appended;
    }

    /**
     * Rewrite what has to be rewritten.
     *
     * @param before only partitions that got no rows since this time, or that have enough for a full file; milliseconds
     * @param deadline begin no other file after this time; milliseconds
     */
    void run(long before, long deadline) {
        boolean more = TableUtil.formatVersion(table) <= MOST_VERSION;
        int failures = 0;
        RuntimeException first = null;
        while (more) {
            more = false;
            table.refresh();
            Snapshot start = table.currentSnapshot();
            if (start == null) {
                break;
            }
            for (List<FileScanTask> bin : bins(start, before)) {
                if (stopped.getAsBoolean() || System.currentTimeMillis() > deadline) {
                    more = false;
                    break;
                }
                more = true;
                try {
                    rewrite(start, bin);
                    replaced += bin.size();
                } catch (RuntimeException error) {
                    first = first == null ? error : first;
                    if (++failures == FAILURES) {
                        throw first;
                    }
                }
            }
        }
        if (first != null) {
            throw first;
        }
    }

    /** How many files were replaced by larger ones. */
    int replaced() {
        return replaced;
    }

    /** What to rewrite into one file each, the largest number of files first. */
    private List<List<FileScanTask>> bins(Snapshot start, long before) {
        Map<Long, Boolean> chosen = choose(start, before);
        if (chosen.isEmpty()) {
            return List.of();
        }
        Map<String, List<FileScanTask>> groups = new TreeMap<>();
        Map<String, Boolean> settled = new HashMap<>();
        int held = 0;
        try (CloseableIterable<FileScanTask> files = scan(start)) {
            for (FileScanTask file : files) {
                String partition = partition(file);
                Boolean quiet = isSmall(file) ? chosen.get(hash(partition)) : null;
                if (quiet != null) {
                    groups.computeIfAbsent(partition, name -> new ArrayList<>()).add(file);
                    settled.put(partition, quiet);
                    if (++held == FILES) {
                        break;
                    }
                }
            }
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        List<List<FileScanTask>> bins = new ArrayList<>();
        groups.forEach((partition, files) -> pack(files, settled.get(partition), bins));
        bins.sort(Comparator.comparingInt(bin -> -bin.size()));
        return bins;
    }

    /** The partitions to look at, by the hash of their name, and whether they are settled. */
    private Map<Long, Boolean> choose(Snapshot start, long before) {
        Map<Long, Long> times = new HashMap<>();
        for (Snapshot snapshot : table.snapshots()) {
            if (!DataOperations.REPLACE.equals(snapshot.operation())) {
                times.put(snapshot.sequenceNumber(), snapshot.timestampMillis());
            }
        }
        Map<Long, Small> found = new HashMap<>();
        try (CloseableIterable<FileScanTask> files = scan(start)) {
            for (FileScanTask file : files) {
                if (!isSmall(file)) {
                    continue;
                }
                long name = hash(partition(file));
                Small of = found.size() < PARTITIONS ? found.computeIfAbsent(name, any -> new Small()) : found.get(name);
                if (of != null) {
                    long size = file.file().fileSizeInBytes();
                    of.files++;
                    of.bytes += size;
                    of.largest = Math.max(of.largest, size);
                    // A snapshot that has expired is old.
                    of.appended = Math.max(of.appended, times.getOrDefault(file.file().fileSequenceNumber(), 0L));
                }
            }
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        List<Map.Entry<Long, Small>> worth = new ArrayList<>();
        for (Map.Entry<Long, Small> entry : found.entrySet()) {
            Small of = entry.getValue();
            boolean together = of.files > 1 && of.largest <= 2 * (of.bytes - of.largest);
            if (of.appended < before ? together || of.files >= MANY : of.bytes >= full) {
                worth.add(entry);
            }
        }
        worth.sort(Comparator.comparingInt(entry -> -entry.getValue().files));
        Map<Long, Boolean> chosen = new HashMap<>();
        int files = 0;
        for (Map.Entry<Long, Small> entry : worth) {
            chosen.put(entry.getKey(), entry.getValue().appended < before);
            files += entry.getValue().files;
            if (files >= FILES) {
                break;
            }
        }
        return chosen;
    }

    private CloseableIterable<FileScanTask> scan(Snapshot start) {
        return table.newScan().useSnapshot(start.snapshotId()).ignoreResiduals().planFiles();
    }

    private static String partition(FileScanTask file) {
        return file.spec().specId() + "/" + file.spec().partitionToPath(file.file().partition());
    }

    private static long hash(String text) {
        return OrphanFiles.hash(text);
    }

    private boolean isSmall(FileScanTask task) {
        DataFile file = task.file();
        int groups = file.splitOffsets() == null ? 1 : Math.max(1, file.splitOffsets().size());
        return file.fileSizeInBytes() < small
                && !failed.contains(file.location())
                && file.format() == FileFormat.PARQUET
                && file.keyMetadata() == null
                && task.deletes().isEmpty()
                && file.fileSizeInBytes() / groups <= ROW_GROUP;
    }

    /** Add the files, which are of one partition, to bins: those of one bin become one file. */
    private void pack(List<FileScanTask> files, boolean settled, List<List<FileScanTask>> bins) {
        files.sort(Comparator.comparingLong((FileScanTask task) -> task.file().fileSizeInBytes())
                .thenComparing(task -> task.file().location()));
        List<FileScanTask> bin = new ArrayList<>();
        long bytes = 0;
        for (FileScanTask file : files) {
            long size = file.file().fileSizeInBytes();
            if (bytes + size > full) {
                close(bin, bytes, bins);
                bin = new ArrayList<>();
                bytes = 0;
            }
            bin.add(file);
            bytes += size;
        }
        if (settled) {
            close(bin, bytes, bins);
        }
    }

    /** Leave out the largest files while the others have less than half of their size, and keep the rest. */
    private static void close(List<FileScanTask> bin, long bytes, List<List<FileScanTask>> bins) {
        long left = bytes;
        int last = bin.size() - 1;
        while (last > 0 && bin.get(last).file().fileSizeInBytes() > 2 * (left - bin.get(last).file().fileSizeInBytes())) {
            left -= bin.get(last).file().fileSizeInBytes();
            last--;
        }
        if (last > 0) {
            bins.add(new ArrayList<>(bin.subList(0, last + 1)));
        }
    }

    private void rewrite(Snapshot start, List<FileScanTask> bin) {
        Set<DataFile> old = new HashSet<>();
        long rows = 0;
        for (FileScanTask task : bin) {
            old.add(task.file());
            rows += task.file().recordCount();
        }
        List<DataFile> made = write(bin);
        long written = made.stream().mapToLong(DataFile::recordCount).sum();
        if (written != rows) {
            delete(made);
            bin.forEach(task -> failed.add(task.file().location()));
            throw new IllegalStateException(table.name() + ": " + written + " rows were read of files that have " + rows);
        }
        try {
            table.newRewrite()
                    .validateFromSnapshot(start.snapshotId())
                    .rewriteFiles(old, new HashSet<>(made), start.sequenceNumber())
                    .commit();
        } catch (RuntimeException error) {
            bin.forEach(task -> failed.add(task.file().location()));
            // Otherwise the commit may have succeeded. If it has not, the files are orphans.
            if (error instanceof CleanableFailure) {
                delete(made);
            }
            throw error;
        }
    }

    private List<DataFile> write(List<FileScanTask> bin) {
        FileScanTask first = bin.get(0);
        OutputFileFactory files = OutputFileFactory.builderFor(table, 0, 0)
                .defaultSpec(first.spec())
                .format(FileFormat.PARQUET)
                .operationId("compaction-" + UUID.randomUUID())
                .build();
        Map<String, String> properties = new HashMap<>(table.properties());
        properties.putAll(writing);
        GenericFileWriterFactory factory = new GenericFileWriterFactory.Builder(table)
                .dataFileFormat(FileFormat.PARQUET)
                .writerProperties(properties)
                .build();
        RollingDataWriter<Record> writer = new RollingDataWriter<>(
                factory, files, table.io(), 2 * full, first.spec(), first.file().partition());
        try {
            for (FileScanTask task : bin) {
                failed.add(task.file().location());
                copy(task, writer);
                failed.remove(task.file().location());
            }
            writer.close();
        } catch (IOException error) {
            abort(writer);
            throw new UncheckedIOException(error);
        } catch (RuntimeException error) {
            abort(writer);
            throw error;
        }
        return writer.result().dataFiles();
    }

    private void abort(RollingDataWriter<Record> writer) {
        try {
            writer.close();
            delete(writer.result().dataFiles());
        } catch (IOException | RuntimeException error) {
            LOG.warn("{}: a file that was begun stays until orphans are removed: {}", table.name(), String.valueOf(error));
        }
    }

    private void copy(FileScanTask task, RollingDataWriter<Record> writer) throws IOException {
        Map<Integer, ?> constants = PartitionUtil.constantsMap(task, IdentityPartitionConverters::convertConstant);
        try (CloseableIterable<Record> rows = Parquet.read(table.io().newInputFile(task.file()))
                .project(table.schema())
                .createReaderFunc(schema -> GenericParquetReaders.buildReader(table.schema(), schema, constants))
                .reuseContainers()
                .build()) {
            for (Record row : rows) {
                if (stopped.getAsBoolean()) {
                    throw new CancellationException("the task stops");
                }
                writer.write(row);
            }
        }
    }

    private void delete(List<DataFile> files) {
        for (DataFile file : files) {
            try {
                table.io().deleteFile(file.location());
            } catch (RuntimeException error) {
                LOG.warn("{} stays until orphans are removed: {}", file.location(), String.valueOf(error));
            }
        }
    }
}
