package kafkalogs.events;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.io.JsonStringEncoder;
import java.io.IOException;
import java.math.BigDecimal;
import java.net.URLEncoder;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
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
    /** RFC 3339; the time, its fraction, and the offset's sign, hours and minutes, or none of them for Z. */
    private static final Pattern MOMENT = Pattern.compile(
            "([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\\.([0-9]+))?"
                    + "(?:[Zz]|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))");
    private static final Instant FIRST = Instant.EPOCH;
    private static final Instant END = Instant.parse("+10000-01-01T00:00:00Z");
    /** Bytes of a service in a URL. The archive's folder is service=..., and a folder's name has at most 255 bytes. */
    private static final int LONGEST_SERVICE = 240;
    private static final int DEEPEST = 100;
    private static final int LONGEST_NUMBER = 1000;
    /** What PostgreSQL's numeric holds: digits before and after the decimal point. */
    private static final int NUMERIC_BEFORE = 131072;
    private static final int NUMERIC_AFTER = 16383;
    /** Names are kept in no table of symbols: other names in each event would fill it, and end in an error. */
    private static final JsonFactory JSON_FACTORY = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(DEEPEST)
                    .maxNumberLength(Integer.MAX_VALUE)
                    .maxNameLength(Integer.MAX_VALUE)
                    .maxStringLength(Integer.MAX_VALUE)
                    .build())
            .build();

    private LogEvent() {
    }

    /**
     * The struct of one event.
     *
     * @param postgresql whether PostgreSQL has to be able to store and to query the event
     * @throws DataException that names every fault, if the value is not a complete log event
     */
    static Struct parse(byte[] value, boolean postgresql) {
        try {
            return read(decode(value), postgresql);
        } catch (JsonProcessingException error) {
            throw new DataException("not a log event: not JSON: " + error.getOriginalMessage(), error);
        } catch (DataException error) {
            throw error;
        } catch (IOException | RuntimeException error) {
            // Connect takes nothing but a DataException for a fault of the record. All else ends the task.
            throw new DataException("not a log event: " + error, error);
        }
    }

    private static Struct read(String json, boolean postgresql) throws IOException {
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
                String text = token == JsonToken.VALUE_STRING ? parser.getText() : null;
                Set<String> faults = new LinkedHashSet<>();
                String raw = raw(parser, json, postgresql, faults);
                if (TEXTS.contains(name) && text != null) {
                    texts.put(name, text);
                } else if (TEXTS.contains(name)) {
                    problems.add(name + " is not a string");
                    texts.put(name, null);
                } else if (!name.equals("attributes")) {
                    addFault(textProblem(name, postgresql), faults);
                    faults.forEach(fault -> problems.add("a further field " + fault));
                    extra.put(name, raw);
                } else {
                    attributes = raw;
                    faults.forEach(fault -> problems.add("attributes " + fault));
                    if (token != JsonToken.START_OBJECT) {
                        problems.add("attributes is not an object");
                    }
                }
            }
            if (parser.nextToken() != null) {
                throw new DataException("not a log event: something follows the JSON object");
            }
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
                String problem = problem(name, text, postgresql);
                if (problem != null) {
                    problems.add(name + " " + problem);
                } else if (name.equals("timestamp")) {
                    event.put(name, Date.from(moment(text)));
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

    /** The value at the parser's token, as it was written. What no part, or PostgreSQL, can hold is added to faults. */
    private static String raw(JsonParser parser, String json, boolean postgresql, Set<String> faults)
            throws IOException {
        int start = (int) parser.currentTokenLocation().getCharOffset();
        int depth = 0;
        do {
            JsonToken token = parser.currentToken();
            if (token.isStructStart()) {
                depth++;
            } else if (token.isStructEnd()) {
                depth--;
            } else if (token == JsonToken.FIELD_NAME || token == JsonToken.VALUE_STRING) {
                addFault(textProblem(parser.getText(), postgresql), faults);
            } else if (token.isNumeric()) {
                addFault(numberProblem(parser.getText(), postgresql), faults);
            }
            parser.finishToken();
        } while (depth > 0 && parser.nextToken() != null);
        return json.substring(start, (int) parser.currentLocation().getCharOffset());
    }

    private static void addFault(String fault, Set<String> faults) {
        if (fault != null) {
            faults.add(fault);
        }
    }

    private static String textProblem(String text, boolean postgresql) {
        // A half is a code point of its own only where the other half is missing.
        if (text.codePoints().anyMatch(point -> point >= Character.MIN_SURROGATE && point <= Character.MAX_SURROGATE)) {
            return "has half of a surrogate pair, which is no character";
        }
        return postgresql && text.indexOf('\0') >= 0 ? "has U+0000, which PostgreSQL cannot hold" : null;
    }

    private static String numberProblem(String number, boolean postgresql) {
        if (number.length() > LONGEST_NUMBER) {
            return "has a number of " + number.length() + " characters; at most " + LONGEST_NUMBER + " are taken";
        }
        try {
            if (!postgresql) {
                return null;
            }
            BigDecimal value = new BigDecimal(number);
            if ((long) value.precision() - value.scale() <= NUMERIC_BEFORE && value.scale() <= NUMERIC_AFTER) {
                return null;
            }
        } catch (NumberFormatException error) {
            // its exponent has more than 32 bits
        }
        return "has the number " + quoted(number) + ", which PostgreSQL cannot hold";
    }

    private static String problem(String name, String text, boolean postgresql) {
        String unreadable = textProblem(text, postgresql);
        if (unreadable != null) {
            return unreadable;
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
                return text.isEmpty() ? "is empty" : serviceProblem(text);
            case "instance":
                return text.isEmpty() ? "is empty" : null;
            default:
                return null;
        }
    }

    private static String serviceProblem(String text) {
        int bytes = URLEncoder.encode(text, StandardCharsets.UTF_8).length();
        return bytes <= LONGEST_SERVICE ? null
                : quoted(text) + " has " + bytes + " bytes in a URL; at most " + LONGEST_SERVICE + " are taken";
    }

    private static String timestampProblem(String text) {
        Instant moment;
        try {
            moment = moment(text);
        } catch (DateTimeException error) {
            return quoted(text) + " is not RFC 3339";
        }
        return moment.isBefore(FIRST) || !moment.isBefore(END) ? quoted(text) + " is not within 1970 to 9999 in UTC" : null;
    }

    /** @throws DateTimeException when the text is not RFC 3339 */
    private static Instant moment(String text) {
        Matcher parts = MOMENT.matcher(text);
        if (!parts.matches()) {
            throw new DateTimeException("not RFC 3339");
        }
        Instant second = LocalDateTime.parse(parts.group(1) + "T" + parts.group(2)).toInstant(ZoneOffset.UTC);
        String fraction = parts.group(3) == null ? "" : parts.group(3);
        long millis = Long.parseLong((fraction + "000").substring(0, 3));
        long offset = parts.group(4) == null
                ? 0 : Long.parseLong(parts.group(5)) * 60 + Long.parseLong(parts.group(6));
        return second.plusMillis(millis).plusSeconds(("-".equals(parts.group(4)) ? offset : -offset) * 60);
    }

    static String quoted(String text) {
        return "'" + (text.length() > 60 ? text.substring(0, 60) + "..." : text) + "'";
    }

    private static String object(Map<String, String> members) {
        List<String> written = new ArrayList<>();
        members.forEach((name, raw) -> written.add(
                "\"" + new String(JsonStringEncoder.getInstance().quoteAsString(name)) + "\":" + raw));
        return "{" + String.join(",", written) + "}";
    }
}
