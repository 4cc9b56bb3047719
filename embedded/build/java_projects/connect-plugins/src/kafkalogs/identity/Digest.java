package kafkalogs.identity;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Date;
import java.util.HexFormat;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * What tells records apart that are at the same place.
 *
 * <p>A place (topic, partition, offset) is used again when a topic is deleted and made again, when a cluster is built anew,
 * and by a second cluster. A key of place and digest is the same for a record that is delivered again, and another one
 * for every other record.
 */
public final class Digest {
    private static final int BYTES = 16;

    private Digest() {
    }

    /** 32 hexadecimal digits for the content and the timestamp of a record whose value is a Struct. */
    public static String of(SinkRecord record) {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException error) {
            throw new IllegalStateException("each Java has SHA-256", error);
        }
        add(digest, String.valueOf(record.timestamp()));
        Struct event = (Struct) record.value();
        for (Field field : event.schema().fields()) {
            Object value = event.get(field);
            if (value != null) { // so a later version of the schema, with more fields, does not change old records
                add(digest, field.name());
                add(digest, value instanceof Date ? String.valueOf(((Date) value).getTime()) : value.toString());
            }
        }
        return HexFormat.of().formatHex(digest.digest(), 0, BYTES);
    }

    /** With its length, so that no two lists of texts are the same bytes. */
    private static void add(MessageDigest digest, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(bytes.length).array());
        digest.update(bytes);
    }
}
