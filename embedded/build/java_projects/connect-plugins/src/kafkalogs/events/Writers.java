package kafkalogs.events;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.config.ConfigException;

/**
 * The services that may write each topic.
 *
 * <p>Kafka does not tell a reader who wrote a record. Its rights bound who may write a topic, and this bounds whose
 * events the topic may hold: nobody forges events of a service that does not write there.
 */
final class Writers {
    /** Stands for the services of a topic whose only writer is a part of the platform, like the log shipper. */
    private static final Set<String> ALL = Set.of("*");

    private final String setting;
    private final Map<String, Set<String>> ofTopic = new LinkedHashMap<>();

    /** @param entries topic=service|service for each topic; nothing is refused if there is none */
    Writers(String setting, List<String> entries) {
        this.setting = setting;
        for (String entry : entries) {
            String[] parts = entry.split("=", -1);
            if (parts.length != 2 || parts[0].isBlank() || parts[1].isBlank()) {
                throw new ConfigException(setting, entry, "write topic=service|service, or topic=*");
            }
            if (ofTopic.put(parts[0].trim(), Set.copyOf(List.of(parts[1].trim().split("\\|")))) != null) {
                throw new ConfigException(setting, entry, "the topic has services already");
            }
        }
    }

    /** Why a topic may not hold an event of this service; null if it may. */
    String problem(String topic, String service) {
        if (ofTopic.isEmpty()) {
            return null;
        }
        Set<String> may = ofTopic.get(topic);
        if (may == null) {
            return "not taken: " + setting + " names no service that may write " + topic;
        }
        return may.equals(ALL) || may.contains(service) ? null
                : "not taken: the service " + LogEvent.quoted(service) + " may not write " + topic;
    }
}
