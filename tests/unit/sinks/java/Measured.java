import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import javax.management.MBeanAttributeInfo;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import kafkalogs.events.LogEventConverter;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.runtime.ConnectMetrics;
import org.apache.kafka.connect.runtime.standalone.StandaloneConfig;
import org.apache.kafka.connect.util.ConnectorTaskId;

/** Converts the values of its arguments with Kafka Connect's own metrics, and prints what JMX has of the converter. */
public final class Measured {
    public static void main(String[] words) throws Exception {
        ConnectMetrics metrics = metrics();
        LogEventConverter converter = new LogEventConverter();
        converter.configure(Map.of("services", words[0]), false);
        metrics.wrap(converter, new ConnectorTaskId("archive", 0), false);
        for (int i = 1; i < words.length; i++) {
            try {
                converter.toConnectData("logs.audit", words[i].getBytes(StandardCharsets.UTF_8));
            } catch (DataException error) {
                // counted
            }
        }
        System.out.println(beans());
        System.exit(0);
    }

    /** Those of a worker. */
    static ConnectMetrics metrics() {
        String json = "org.apache.kafka.connect.json.JsonConverter";
        return new ConnectMetrics("worker", new StandaloneConfig(Map.of(
                "bootstrap.servers", "localhost:1", "key.converter", json, "value.converter", json,
                "offset.storage.file.filename", "/dev/null")), Time.SYSTEM, "cluster");
    }

    /** The metrics of plugins that JMX has. */
    static ObjectNode beans() throws Exception {
        ObjectNode found = new ObjectMapper().createObjectNode();
        MBeanServer server = ManagementFactory.getPlatformMBeanServer();
        for (ObjectName name : server.queryNames(new ObjectName("kafka.connect:type=plugins,*"), null)) {
            for (MBeanAttributeInfo attribute : server.getMBeanInfo(name).getAttributes()) {
                String bean = name.getDomain() + "<" + name.getKeyPropertyListString().replace(",", ", ") + "><>";
                found.put(bean + attribute.getName(), (Double) server.getAttribute(name, attribute.getName()));
            }
        }
        return found;
    }
}
