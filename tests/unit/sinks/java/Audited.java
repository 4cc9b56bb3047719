import java.lang.reflect.Proxy;
import java.util.List;
import java.util.Map;
import kafkalogs.audit.AuditSinkConnector;
import org.apache.kafka.connect.sink.SinkTask;
import org.apache.kafka.connect.sink.SinkTaskContext;

/** Starts the audit sink as Kafka Connect does, with the URL of a database, and hands over no records twice. */
public final class Audited {
    public static void main(String[] words) throws Exception {
        AuditSinkConnector connector = new AuditSinkConnector();
        connector.start(Map.of("connection.url", words[0], "connection.username", "audit", "connection.password", "secret",
                "collection.name.format", "audit_log"));
        SinkTask task = (SinkTask) connector.taskClass().getDeclaredConstructor().newInstance();
        task.initialize((SinkTaskContext) Proxy.newProxyInstance(
                Audited.class.getClassLoader(), new Class<?>[] {SinkTaskContext.class}, (self, method, given) -> {
                    if (method.getName().equals("timeout")) {
                        System.out.println("timeout " + given[0]);
                    }
                    return null;
                }));
        task.start(connector.taskConfigs(1).get(0));
        System.out.println("started");
        for (int i = 0; i < 2; i++) {
            try {
                task.put(List.of());
                System.out.println("put");
            } catch (RuntimeException error) {
                System.out.println(error.getClass().getSimpleName() + " " + error.getMessage());
            }
        }
        task.stop();
        System.out.println("stopped");
        System.exit(0);
    }
}
