package kafkalogs.events;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.io.JsonStringEncoder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.data.Timestamp;
import org.apache.kafka.connect.errors.DataException;

/**
 * The log event as a Connect struct, by the rules of components/kafkalogs/client/logevent.py and one more rule.
 *
 * <p>Attributes can hold any values, so they stay JSON text, character for character: no record can change the type of
 * their column. Fields that this version does not know, such as those of a newer schema, are not refused but kept in
 * {@code extra} in the same way, so that a compatible change of the schema needs no new sinks.
 */
public final class LogEvent {
    /** Debezium's name for JSON text, which its sink stores as PostgreSQL's json; others see a string. */
    static final String JSON = "io.debezium.data.Json";

    private static final Schema JSON_TEXT = SchemaBuilder.string().name(JSON).build();
    private static final Schema OPTIONAL_JSON_TEXT = SchemaBuilder.string().name(JSON).optional().build();

    public static final Schema SCHEMA = SchemaBuilder.struct()
            .name("kafkalogs.LogEvent")
            .field("timestamp", Timestamp.SCHEMA)
            .field("service", Schema.STRING_SCHEMA)
            .field("level", Schema.STRING_SCHEMA)
            .field("message", Schema.STRING_SCHEMA)
            .field("trace_id", Schema.STRING_SCHEMA)
            .field("span_id", Schema.STRING_SCHEMA)
            .field("instance", Schema.STRING_SCHEMA)
            .field("attributes", JSON_TEXT)
            .field("extra", OPTIONAL_JSON_TEXT)
            .build();

    private static final List<String> TEXTS =
            List.of("timestamp", "service", "level", "message", "trace_id", "span_id", "instance");
    private static final Set<String> LEVELS = Set.of("debug", "info", "warning", "error", "critical");
    private static final Pattern TRACE_ID = Pattern.compile("(?!0{32})[0-9a-f]{32}");
    private static final Pattern SPAN_ID = Pattern.compile("(?!0{16})[0-9a-f]{16}");
    private static final JsonFactory JSON_FACTORY =
            JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

    private LogEvent() {
    }

    /**
     * The struct of one event.
     *
     * @throws DataException that names every fault, if the value is not a complete log event
     */
    static Struct parse(byte[] value, boolean nulAllowed) {
        String json = decode(value);
        Map<String, String> texts = new LinkedHashMap<>();
        Map<String, String> extra = new LinkedHashMap<>();
        List<String> problems = new ArrayList<>();
        String attributes = null;
        try (JsonParser parser = JSON_FACTORY.createParser(json)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new DataException("not a log event: not a JSON object");
            }
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String name = parser.currentName();
                JsonToken token = parser.nextToken();
                String raw = raw(parser, json);
                if (TEXTS.contains(name) && token == JsonToken.VALUE_STRING) {
                    texts.put(name, parser.getText());
                } else if (TEXTS.contains(name)) {
                    problems.add(name + " is not a string");
                    texts.put(name, null);
                } else if (!name.equals("attributes")) {
                    extra.put(name, raw);
                } else {
                    attributes = raw;
                    if (token != JsonToken.START_OBJECT) {
                        problems.add("attributes is not an object");
                    }
                }
            }
            if (parser.nextToken() != null) {
                throw new DataException("not a log event: something follows the JSON object");
            }
        } catch (JsonProcessingException error) {
            throw new DataException("not a log event: not JSON: " + error.getOriginalMessage(), error);
        } catch (IOException error) {
            throw new DataException("not a log event: " + error.getMessage(), error);
        }
        Struct event = new Struct(SCHEMA);
        for (String name : TEXTS) {
            if (!texts.containsKey(name)) {
                problems.add(name + " is missing");
            }
        }
        if (attributes == null) {
            problems.add("attributes is missing");
        }
        texts.forEach((name, text) -> {
            if (text != null) {
                String problem = problem(name, text, nulAllowed);
                if (problem != null) {
                    problems.add(name + " " + problem);
                } else if (name.equals("timestamp")) {
                    event.put(name, Date.from(OffsetDateTime.parse(text).toInstant()));
                } else {
                    event.put(name, text);
                }
            }
        });
        if (!problems.isEmpty()) {
            throw new DataException("not a log event: " + String.join("; ", problems));
        }
        return event.put("attributes", attributes).put("extra", extra.isEmpty() ? null : object(extra));
    }

    private static String decode(byte[] value) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(value)).toString();
        } catch (CharacterCodingException error) {
            throw new DataException("not a log event: not UTF-8: " + error.getMessage(), error);
        }
    }

    /** The value at the parser's token, as it was written. */
    private static String raw(JsonParser parser, String json) throws IOException {
        int start = (int) parser.currentTokenLocation().getCharOffset();
        parser.skipChildren();
        parser.finishToken();
        return json.substring(start, (int) parser.currentLocation().getCharOffset());
    }

    private static String problem(String name, String text, boolean nulAllowed) {
        if (!StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
            return "has half of a surrogate pair, which is no character";
        }
        if (!nulAllowed && text.indexOf('\0') >= 0) {
            return "has U+0000, which this sink cannot store";
        }
        switch (name) {
            case "timestamp":
                return timestampProblem(text);
            case "level":
                return LEVELS.contains(text) ? null : quoted(text) + " is none of debug, info, warning, error, critical";
            case "trace_id":
                return TRACE_ID.matcher(text).matches() ? null : quoted(text) + " is no W3C trace id";
            case "span_id":
                return SPAN_ID.matcher(text).matches() ? null : quoted(text) + " is no W3C span id";
            case "service":
            case "instance":
                return text.isEmpty() ? "is empty" : null;
            default:
                return null;
        }
    }

    private static String timestampProblem(String text) {
        try {
            int year = OffsetDateTime.parse(text).getYear();
            return year >= 1 && year <= 9999 ? null : quoted(text) + " is not in the years 1 to 9999";
        } catch (DateTimeException error) {
            return quoted(text) + " is not RFC 3339";
        }
    }

    private static String quoted(String text) {
        return "'" + (text.length() > 60 ? text.substring(0, 60) + "..." : text) + "'";
    }

    private static String object(Map<String, String> members) {
        List<String> written = new ArrayList<>();
        members.forEach((name, raw) -> written.add(
                "\"" + new String(JsonStringEncoder.getInstance().quoteAsString(name)) + "\":" + raw));
        return "{" + String.join(",", written) + "}";
    }
}
