package kafkalogs.events;

import java.util.Collection;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.metrics.Gauge;
import org.apache.kafka.common.metrics.PluginMetrics;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * Counts the events whose own time is far from the time at which Kafka got them, for each service.
 *
 * <p>Kafka's topics have the broker's time. So an event that is ahead of it is of a wrong clock, and one that is behind
 * is of a wrong clock or came late. The events are stored like all others. A service has a metric from its first such
 * event on.
 */
public final class Clocks {
    /** How far from Kafka's time the time of an event may be; milliseconds. */
    static final long BOUND_MS = 5 * 60_000;
    /** The services that have a metric of their own; those that come later are counted together. */
    static final int MOST_SERVICES = 500;
    static final String OTHERS = "(others)";
    /** The name of LogEvent's schema. The plugins of the archive and the database have this class, and not LogEvent. */
    private static final String EVENT = "kafkalogs.LogEvent";

    private final PluginMetrics metrics;
    private final Map<String, AtomicLong> ahead = new HashMap<>();
    private final Map<String, AtomicLong> behind = new HashMap<>();

    /** @param metrics those of the task; null if the worker has none, and then nothing is counted */
    public Clocks(PluginMetrics metrics) {
        this.metrics = metrics;
    }

    /** Count the events among records that were delivered. */
    public void count(Collection<SinkRecord> records) {
        if (metrics != null) {
            records.forEach(this::count);
        }
    }

    private void count(SinkRecord record) {
        if (!(record.value() instanceof Struct) || record.timestamp() == null) {
            return;
        }
        Struct event = (Struct) record.value();
        if (!EVENT.equals(event.schema().name())) {
            return;
        }
        long early = ((Date) event.get("timestamp")).getTime() - record.timestamp();
        if (early > BOUND_MS) {
            of(ahead, "events-ahead-total", "Events dated more than 5 min after Kafka got them", event).incrementAndGet();
        } else if (early < -BOUND_MS) {
            of(behind, "events-behind-total", "Events dated more than 5 min before Kafka got them", event).incrementAndGet();
        }
    }

    private AtomicLong of(Map<String, AtomicLong> counts, String name, String about, Struct event) {
        String own = event.getString("service");
        String service = counts.containsKey(own) || counts.size() < MOST_SERVICES ? own : OTHERS;
        return counts.computeIfAbsent(service, unused -> {
            AtomicLong count = new AtomicLong();
            MetricName metric = metrics.metricName(name, about, new LinkedHashMap<>(Map.of("service", service)));
            metrics.addMetric(metric, (Gauge<Double>) (config, now) -> (double) count.get());
            return count;
        });
    }
}
