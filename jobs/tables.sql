{# The topics that the stream job reads and writes: a Jinja template before logs.sql. The code in
    components/kafkalogs/stream/ documents its values.

    Sinks are exactly once: consumers with isolation.level=read_committed see their records when the next checkpoint is
    complete. Transaction ids come from a pool, so a broker need not remember one for every checkpoint. -#}

{%- macro kafka(connector="kafka") -%}
  'connector' = '{{ connector }}',
  'properties.bootstrap.servers' = '{{ bootstrap }}',
  'properties.security.protocol' = 'SSL',
  'properties.ssl.truststore.type' = 'PEM',
  'properties.ssl.truststore.location' = '{{ ca_file }}',
  'properties.ssl.keystore.type' = 'PKCS12',
  'properties.ssl.keystore.location' = '{{ user_folder }}/user.p12',
  'properties.ssl.keystore.password' = '${dir:{{ user_folder }}:user.password}',
  'properties.config.providers' = 'dir',
  'properties.config.providers.dir.class' = 'org.apache.flink.kafka.shaded.org.apache.kafka.common.config.provider.DirectoryConfigProvider'
{%- endmacro -%}

{%- macro sink(topic, largest=1048576) -%}
  {{ kafka() }},
  'topic' = '{{ topic }}',
  'properties.compression.type' = 'zstd',
  'properties.max.request.size' = '{{ largest }}',
  {# While a broker verifies the first batch of a transaction, a second batch would overtake it: the broker refuses
      that batch as out of order and logs an error, and the producer sends it again. Larger batches make up for it. -#}
  'properties.max.in.flight.requests.per.connection' = '1',
  'properties.batch.size' = '65536',
  'properties.linger.ms' = '20',
  'properties.transaction.timeout.ms' = '{{ transaction_timeout_ms }}',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = '{{ user }}.{{ topic }}',
  'sink.transaction-naming-strategy' = 'pooling'
{%- endmacro -%}

{%- macro raw(key) -%}
  'key.format' = 'raw',
  'key.fields' = '{{ key }}',
  'value.format' = 'raw',
  'value.fields-include' = 'EXCEPT_KEY'
{%- endmacro -%}

{%- macro json(key) -%}
  'key.format' = 'raw',
  'key.fields' = '{{ key }}',
  'value.format' = 'json',
  'value.json.timestamp-format.standard' = 'ISO-8601'
{%- endmacro -%}

-- All service topics. The value is taken as it comes, so that what is no log event can be routed and not lost. The
-- connector is our own (embedded/stream-connector): with Flink's, no job would start again once a topic was deleted.
CREATE TABLE records (
  `value` BYTES,
  `topic` STRING METADATA VIRTUAL,
  `partition` INT METADATA VIRTUAL,
  `offset` BIGINT METADATA VIRTUAL,
  `recorded_at` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
  `event_time` AS {{ event_time() }},
  -- When Kafka got a record, by the broker's clock: all topics of logs have LogAppendTime. So neither an event nor the clock
  -- of its producer can move or hold back the clock for all others.
  WATERMARK FOR `event_time` AS `recorded_at` - INTERVAL '{{ watermark_delay }}' SECOND
) WITH (
  {{ kafka("kafka-logs") }},
  'topic-pattern' = '{{ topics }}',
  'scan.topic-partition-discovery.interval' = '{{ discovery_interval }} s',
  -- Only the first start, and one without state, look at the group's offsets: a checkpoint has its own.
  'properties.group.id' = '{{ user }}.logs',
  'scan.startup.mode' = 'group-offsets',
  'properties.auto.offset.reset' = 'earliest',
  'properties.isolation.level' = 'read_committed',
  -- In small portions, so that all partitions are caught up side by side, and few events are late for the others' sake.
  'properties.max.partition.fetch.bytes' = '131072',
  -- A fetch is bounded while it is still compressed: 50 KB may be a thousand events of 500 KB.
  'properties.max.poll.records' = '{{ poll_records }}',
  'scan.watermark.idle-timeout' = '{{ idle_timeout }} s',
  'format' = 'raw'
);

-- The service catalog of the stack; `pulumi up` writes it.
CREATE TABLE catalog_read (
  `service` STRING,
  `team` STRING,
  `tier` STRING
) WITH (
  {{ kafka() }},
  'topic' = '{{ topic.catalog }}',
  'properties.group.id' = '{{ user }}.catalog',
  -- The topic is compacted, so this is the state of things.
  'scan.startup.mode' = 'earliest-offset',
  'format' = 'json',
  'json.ignore-parse-errors' = 'true'
);

CREATE TABLE logs_error (
  `service` STRING,
  `value` STRING
) WITH (
  {{ sink(topic.error) }},
  {{ raw('service') }}
);

CREATE TABLE errors_critical (
  `service` STRING,
  `value` STRING
) WITH (
  {{ sink(topic.critical) }},
  {{ raw('service') }}
);

CREATE TABLE logs_sampled (
  `trace_id` STRING,
  `value` BYTES
) WITH (
  {{ sink(topic.sampled) }},
  {{ raw('trace_id') }}
);

CREATE TABLE error_rates (
  `service` STRING,
  `window_start` TIMESTAMP_LTZ(3),
  `window_end` TIMESTAMP_LTZ(3),
  `total` BIGINT,
  `errors` BIGINT,
  `critical` BIGINT,
  `error_rate` DOUBLE,
  `usual_rate` DOUBLE,
  `anomaly` BOOLEAN,
  `late` BOOLEAN
) WITH (
  {{ sink(topic.rate) }},
  {{ json('service') }}
);

CREATE TABLE latencies (
  `service` STRING,
  `window_start` TIMESTAMP_LTZ(3),
  `window_end` TIMESTAMP_LTZ(3),
  `requests` BIGINT,
  `p50_ms` DOUBLE,
  `p90_ms` DOUBLE,
  `p99_ms` DOUBLE,
  `max_ms` DOUBLE
) WITH (
  {{ sink(topic.latency) }},
  {{ json('service') }}
);

CREATE TABLE correlations (
  `trace_id` STRING,
  `started` TIMESTAMP_LTZ(3),
  `ended` TIMESTAMP_LTZ(3),
  `services` ARRAY<STRING>,
  `origin` STRING,
  `errors` BIGINT,
  `critical` BIGINT
) WITH (
  {{ sink(topic.correlations) }},
  {{ json('trace_id') }}
);

-- The value as it was; why it came here and where from is in the headers.
CREATE TABLE dead_letters (
  `value` BYTES,
  `headers` MAP<STRING, BYTES> METADATA
) WITH (
  {{ sink(topic.dead_letters, largest=dead_letter_bytes) }},
  'format' = 'raw'
);
