package org.apache.iceberg.connect.data;

import java.io.IOException;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.iceberg.FileFormat;
import org.apache.iceberg.PartitionKey;
import org.apache.iceberg.PartitionSpec;
import org.apache.iceberg.Schema;
import org.apache.iceberg.data.InternalRecordWrapper;
import org.apache.iceberg.data.Record;
import org.apache.iceberg.io.BaseTaskWriter;
import org.apache.iceberg.io.FileIO;
import org.apache.iceberg.io.FileWriterFactory;
import org.apache.iceberg.io.OutputFileFactory;

/**
 * Writes rows into a file for each partition of the table, and bounds the memory of the files that are open.
 *
 * <p>It replaces Iceberg's class of this name, which keeps a file of each partition open until the commit: some hundred
 * tiny events of different days or services then fill the heap, again at each restart. This one closes the file that was
 * written the longest time ago when the open files hold more than {@link #BOUND}. A later row of that partition begins
 * another file; both belong to the same commit.
 */
class PartitionedAppendWriter extends BaseTaskWriter<Record> {
    /** The property of the catalog, in bytes. It is the only setting of the sink that reaches this class. */
    static final String BOUND = "kafkalogs.open-files.bytes";

    private static final long DEFAULT_BOUND = 64L << 20;
    /** What an open file holds before its first row: buffers of its columns, its compressor, and its upload. */
    private static final long EMPTY = 5L << 18;
    /** What the rows of an open file hold at most: a row group, see write.parquet.row-group-size-bytes. */
    private static final long FULL = 8L << 20;

    private final PartitionKey key;
    private final InternalRecordWrapper wrapper;
    private final long bound;
    private final Map<PartitionKey, Open> open = new LinkedHashMap<>(16, 0.75f, true);
    private long held;

    private final class Open {
        final RollingFileWriter file;
        long rows;

        Open(PartitionKey partition) {
            file = new RollingFileWriter(partition);
        }
    }

    PartitionedAppendWriter(
            PartitionSpec spec, FileFormat format, FileWriterFactory<Record> factory, OutputFileFactory files,
            FileIO io, long targetFileSize, Schema schema) {
        super(spec, format, factory, files, io, targetFileSize);
        key = new PartitionKey(spec, schema);
        wrapper = new InternalRecordWrapper(schema.asStruct());
        bound = bound(io);
    }

    private static long bound(FileIO io) {
        try {
            String given = io.properties().get(BOUND);
            return given == null ? DEFAULT_BOUND : Long.parseLong(given);
        } catch (UnsupportedOperationException error) {
            // such a FileIO has no properties
            return DEFAULT_BOUND;
        }
    }

    @Override
    public void write(Record row) throws IOException {
        key.partition(wrapper.wrap(row));
        Open file = open.get(key);
        long size = size(row);
        if (file == null) {
            makeRoom(EMPTY + Math.min(size, FULL));
            PartitionKey partition = key.copy();
            file = new Open(partition);
            open.put(partition, file);
            held += EMPTY;
        }
        long rows = Math.min(file.rows + size, FULL);
        held += rows - file.rows;
        file.rows = rows;
        file.file.write(row);
        // It was written last, so it is the last that would be closed.
        makeRoom(0);
    }

    /** Close files, the one that was written the longest time ago first, until so many bytes more may be held. */
    private void makeRoom(long more) throws IOException {
        Iterator<Open> oldest = open.values().iterator();
        while (held + more > bound && oldest.hasNext()) {
            Open file = oldest.next();
            if (more == 0 && !oldest.hasNext()) {
                return;
            }
            oldest.remove();
            held -= EMPTY + file.rows;
            file.file.close();
        }
    }

    /** How many files are open. */
    int openFiles() {
        return open.size();
    }

    private static long size(Record row) {
        long size = 0;
        for (int i = 0; i < row.size(); i++) {
            Object value = row.get(i);
            size += value instanceof CharSequence ? ((CharSequence) value).length() : 8;
        }
        return size;
    }

    @Override
    public void close() throws IOException {
        Iterator<Open> all = open.values().iterator();
        while (all.hasNext()) {
            Open file = all.next();
            all.remove();
            file.file.close();
        }
        held = 0;
        super.close();
    }
}
