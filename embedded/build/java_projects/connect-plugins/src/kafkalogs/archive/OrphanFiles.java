package kafkalogs.archive;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.apache.iceberg.ManifestContent;
import org.apache.iceberg.ManifestFile;
import org.apache.iceberg.ManifestFiles;
import org.apache.iceberg.Snapshot;
import org.apache.iceberg.Table;
import org.apache.iceberg.io.CloseableIterable;
import org.apache.iceberg.io.FileInfo;
import org.apache.iceberg.io.SupportsPrefixOperations;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Removes data files that no snapshot of the table has: of attempts that failed, and what a deletion left.
 *
 * <p>A file is an orphan only if it is much older than the last commit of the sink. A file that was announced on the control
 * topic belongs to the next commit, however long the sink or the catalog was away before.
 *
 * <p>A name takes eight bytes of memory. Two names with the same hash keep an orphan; they never delete a file of the table.
 */
final class OrphanFiles {
    private static final Logger LOG = LoggerFactory.getLogger(OrphanFiles.class);

    /** How many files one run deletes. */
    private static final int MOST = 10_000;
    private static final String DATA = "data/";

    private final Table table;
    private final BooleanSupplier stopped;
    private long refused;

    OrphanFiles(Table table, BooleanSupplier stopped) {
        this.table = table;
        this.stopped = stopped;
    }

    /** How many deletions were refused. */
    long refused() {
        return refused;
    }

    /**
     * Remove orphans.
     *
     * @param before only files that were written before this time; milliseconds
     * @return how many were removed
     */
    int run(long before) {
        if (!(table.io() instanceof SupportsPrefixOperations)) {
            return 0;
        }
        // First the table and then the list: a file that is committed in between is young.
        long[] known = known();
        String folder = table.locationProvider().newDataLocation("");
        String prefix = folder.endsWith("/") ? folder : folder + "/";
        if (!prefix.endsWith("/" + DATA)) {
            LOG.info("{}: files are in {}, which may hold those of others; orphans stay", table.name(), prefix);
            return 0;
        }
        List<String> orphans = new ArrayList<>();
        boolean any = false;
        for (FileInfo file : ((SupportsPrefixOperations) table.io()).listPrefix(prefix)) {
            if (stopped.getAsBoolean()) {
                return 0;
            }
            if (Arrays.binarySearch(known, hash(path(file.location()))) >= 0) {
                any = true;
            } else if (orphans.size() < MOST && file.createdAtMillis() < before && file.location().endsWith(".parquet")) {
                orphans.add(file.location());
            }
        }
        if (known.length > 0 && !any) {
            LOG.warn("{}: none of its {} files is in {}; orphans stay", table.name(), known.length, prefix);
            return 0;
        }
        int removed = 0;
        for (String file : orphans) {
            if (stopped.getAsBoolean()) {
                return removed;
            }
            removed += delete(file) ? 1 : 0;
        }
        if (removed > 0) {
            LOG.info("{}: {} files that no snapshot has were removed", table.name(), removed);
        }
        return removed;
    }

    private boolean delete(String file) {
        try {
            table.io().deleteFile(file);
            return true;
        } catch (RuntimeException error) {
            // A lock, or a missing right: the next file may be free.
            if (refused++ == 0) {
                LOG.warn("{} is not removed, and others may not be: {}", file, String.valueOf(error));
            }
            return false;
        }
    }

    /** The hashes of all files that any snapshot has, sorted. */
    private long[] known() {
        Set<String> seen = new HashSet<>();
        long[] hashes = new long[1024];
        int count = 0;
        for (Snapshot snapshot : table.snapshots()) {
            for (ManifestFile manifest : snapshot.allManifests(table.io())) {
                if (!seen.add(manifest.path())) {
                    continue;
                }
                try (CloseableIterable<String> files = files(manifest)) {
                    for (String file : files) {
                        if (count == hashes.length) {
                            hashes = Arrays.copyOf(hashes, count * 2);
                        }
                        hashes[count++] = hash(path(file));
                    }
                } catch (IOException error) {
                    throw new UncheckedIOException(error);
                }
            }
        }
        long[] known = Arrays.copyOf(hashes, count);
        Arrays.sort(known);
        return known;
    }

    private CloseableIterable<String> files(ManifestFile manifest) {
        if (manifest.content() == ManifestContent.DATA) {
            return ManifestFiles.readPaths(manifest, table.io(), table.specs());
        }
        return CloseableIterable.transform(
                ManifestFiles.readDeleteManifest(manifest, table.io(), table.specs()), file -> file.location());
    }

    /** A location without its scheme: engines write s3 and s3a for the same file. */
    private static String path(String location) {
        int scheme = location.indexOf(":/");
        String path = scheme < 0 ? location : location.substring(scheme + 1);
        int first = 0;
        while (first < path.length() && path.charAt(first) == '/') {
            first++;
        }
        return path.substring(first);
    }

    /** 64 bits of a text (FNV-1a, mixed). */
    static long hash(String text) {
        long hash = 0xcbf29ce484222325L;
        for (byte part : text.getBytes(StandardCharsets.UTF_8)) {
            hash = (hash ^ part) * 0x100000001b3L;
        }
        hash ^= hash >>> 33;
        hash *= 0xff51afd7ed558ccdL;
        return hash ^ hash >>> 33;
    }
}
