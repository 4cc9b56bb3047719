{# Files in place of Kafka, for the tests: what jobs/tables.sql names, with the same columns. -#}

{%- macro file(name) -%}
  'connector' = 'filesystem',
  'path' = 'file://{{ folder }}/{{ name }}'
{%- endmacro -%}

{#- A file is complete, and can be seen, with the checkpoint after it was rolled. -#}
{%- macro sink(name) -%}
  {{ file(name) }},
  'sink.rolling-policy.rollover-interval' = '500 ms',
  'sink.rolling-policy.check-interval' = '200 ms',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601'
{%- endmacro -%}

CREATE TABLE records (
  `hex` STRING,
  `topic` STRING,
  `partition` INT,
  `offset` BIGINT,
  `recorded_at` TIMESTAMP_LTZ(3),
  `value` AS UNHEX(`hex`),
  `event_time` AS {{ event_time() | replace("`value`", "UNHEX(`hex`)") }},
  WATERMARK FOR `event_time` AS `recorded_at` - INTERVAL '{{ watermark_delay }}' SECOND
) WITH (
  {{ file("records") }},
  'source.monitor-interval' = '1 s',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601'
);

CREATE TABLE catalog_read (`service` STRING, `team` STRING, `tier` STRING)
WITH ({{ file("catalog-topic") }}, 'source.monitor-interval' = '1 s', 'format' = 'json');

{% for name, columns in sinks.items() %}
CREATE TABLE {{ name }} ({{ columns }})
WITH ({{ sink(name) }});
{% endfor %}
