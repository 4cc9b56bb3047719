{# The stream job: a Jinja template that follows the tables. Tests replace the tables by files. The code in
    components/kafkalogs/stream/ documents its values. -#}

-- The parts of an event. A record with a reason is none, and goes to the dead letters.
CREATE VIEW parsed AS
SELECT
  *,
  JSON_VALUE(`text`, '$.service') AS `service`,
  JSON_VALUE(`text`, '$.level') AS `level`,
  JSON_VALUE(`text`, '$.trace_id') AS `trace_id`,
  CASE
    WHEN `value` IS NULL THEN 'no value'
    WHEN CHAR_LENGTH(`text`) > {{ largest_event }} THEN 'longer than {{ largest_event }} characters'
    WHEN POSITION(U&'\FFFD' IN `text`) > 0 AND ENCODE(`text`, 'UTF-8') <> `value` THEN 'not UTF-8'
    WHEN `text` IS NOT JSON OBJECT OR ('{"event":' || `text` || '}') IS NOT JSON OBJECT THEN 'not one JSON object'
    WHEN {{ is_no_text('timestamp') }} OR ({{ happened('`text`') }}) IS NULL THEN 'timestamp is not RFC 3339'
    WHEN ({{ happened('`text`') }}) NOT BETWEEN TO_TIMESTAMP_LTZ(0, 3) AND TO_TIMESTAMP_LTZ(253402300799999, 3)
      THEN 'timestamp is not within 1970 to 9999 in UTC'
    WHEN {{ is_no_text('service') }} THEN 'service is no text, or empty'
    WHEN CHAR_LENGTH(URL_ENCODE(JSON_VALUE(`text`, '$.service'))) > {{ longest_service }}
      THEN 'service has more than {{ longest_service }} bytes in a URL'
{% if writers is not none %}
    WHEN {{ is_foreign() }} THEN 'the service may not write this topic'
{% endif %}
    WHEN COALESCE(JSON_VALUE(`text`, '$.level'), '') NOT IN ('debug', 'info', 'warning', 'error', 'critical')
      THEN 'level is none of debug, info, warning, error, critical'
    WHEN {{ is_no_text('message', empty=true) }} THEN 'message is no text'
    WHEN {{ is_no_text('trace_id') }} OR NOT REGEXP(JSON_VALUE(`text`, '$.trace_id'), '^(?!0{32})[0-9a-f]{32}\z')
      THEN 'trace_id is not 32 lower-case hexadecimal digits, not all zero'
    WHEN {{ is_no_text('span_id') }} OR NOT REGEXP(JSON_VALUE(`text`, '$.span_id'), '^(?!0{16})[0-9a-f]{16}\z')
      THEN 'span_id is not 16 lower-case hexadecimal digits, not all zero'
    WHEN {{ is_no_text('instance') }} THEN 'instance is no text, or empty'
    WHEN SUBSTRING(COALESCE(JSON_QUERY(`text`, '$.attributes'), '') FROM 1 FOR 1) <> '{' THEN 'attributes is no object'
  END AS `reason`
FROM (SELECT *, CAST(`value` AS STRING) AS `text` FROM records);

CREATE VIEW events AS
SELECT * FROM parsed WHERE `reason` IS NULL;

CREATE VIEW failures AS
SELECT * FROM events WHERE `level` IN ('error', 'critical');

-- An event is late when its minute has been reported. Late events are reported on their own, so that nothing is lost:
-- the sum over all rows of a service and minute is exact.
CREATE VIEW judged AS
SELECT
  *,
  COALESCE(
    FLOOR(`event_time` TO MINUTE) + INTERVAL '59.999' SECOND(2, 3) <= CURRENT_WATERMARK(`event_time`),
    FALSE
  ) AS `late`
FROM events;

CREATE VIEW rates AS
SELECT
  `service`,
  `window_start`,
  `window_end`,
  `window_time`,
  COUNT(*) AS `total`,
  COUNT(*) FILTER (WHERE `level` IN ('error', 'critical')) AS `errors`,
  COUNT(*) FILTER (WHERE `level` = 'critical') AS `critical`,
  CAST(COUNT(*) FILTER (WHERE `level` IN ('error', 'critical')) AS DOUBLE) / COUNT(*) AS `error_rate`
FROM TABLE(TUMBLE(TABLE judged, DESCRIPTOR(`event_time`), INTERVAL '1' MINUTE))
WHERE NOT `late`
GROUP BY `service`, `window_start`, `window_end`, `window_time`;

-- What was usual: mean and deviation of the service's minutes before this one.
CREATE VIEW history AS
SELECT
  *,
  COUNT(*) OVER `recent` - 1 AS `minutes`,
  SUM(`error_rate`) OVER `recent` - `error_rate` AS `sum_of_rates`,
  SUM(`error_rate` * `error_rate`) OVER `recent` - `error_rate` * `error_rate` AS `sum_of_squares`
FROM rates
WINDOW `recent` AS (
  PARTITION BY `service` ORDER BY `window_time` ROWS BETWEEN {{ history_minutes }} PRECEDING AND CURRENT ROW
);

CREATE VIEW usual AS
SELECT
  *,
  CASE WHEN `minutes` > 0 THEN `sum_of_rates` / `minutes` END AS `mean`,
  CASE WHEN `minutes` > 0 THEN
    SQRT(GREATEST(`sum_of_squares` / `minutes` - POWER(`sum_of_rates` / `minutes`, 2), CAST(0 AS DOUBLE)))
  END AS `deviation`
FROM history;

CREATE VIEW late_minutes AS
SELECT *, FLOOR(`event_time` TO MINUTE) AS `minute`, PROCTIME() AS `seen`
FROM judged
WHERE `late`;

-- A duration that is no number, is negative or is beyond all sense (1e999 is infinite) would spoil the minute of all
-- others.
CREATE VIEW durations AS
SELECT `service`, `event_time`, TRY_CAST(JSON_VALUE(`text`, '$.attributes.duration_ms') AS DOUBLE) AS `duration_ms`
FROM events
WHERE TRY_CAST(JSON_VALUE(`text`, '$.attributes.duration_ms') AS DOUBLE) BETWEEN 0 AND {{ longest_duration }};

CREATE VIEW traced AS
SELECT `trace_id`, `service`, `level`, `event_time`, CAST(`event_time` AS TIMESTAMP_LTZ(3)) AS `happened`
FROM failures;

-- Team and tier of each failure. The catalog's changes run through the same operator as the failures and are remembered
-- there, so no failure ever waits for the catalog or a watermark; one that comes before its service is known has null.
CREATE VIEW known AS
SELECT
  `service`,
  `level`,
  `text`,
  LAST_VALUE(`team`) OVER `so_far` AS `team`,
  LAST_VALUE(`tier`) OVER `so_far` AS `tier`
FROM (
  SELECT *, PROCTIME() AS `seen`
  FROM (
    SELECT
      `service`,
      `level`,
      `text`,
      CAST(NULL AS STRING) AS `team`,
      CAST(NULL AS STRING) AS `tier`
    FROM failures
    UNION ALL
    SELECT
      `service`,
      CAST(NULL AS STRING) AS `level`,
      CAST(NULL AS STRING) AS `text`,
      `team`,
      `tier`
    FROM catalog_read
  )
)
WINDOW `so_far` AS (PARTITION BY `service` ORDER BY `seen` ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW);

-- The event as its service wrote it, with team and tier put before its attributes.
CREATE VIEW enriched AS
SELECT
  `service`,
  `level`,
  COALESCE(
    `head`
    || '"team":' || COALESCE(JSON_STRING(`team`), 'null')
    || ',"tier":' || COALESCE(JSON_STRING(`tier`), 'null')
    || CASE WHEN REGEXP(SUBSTRING(`text` FROM CHAR_LENGTH(`head`) + 1), '^\s*\}') THEN '' ELSE ',' END
    || SUBSTRING(`text` FROM CHAR_LENGTH(`head`) + 1),
    `text`
  ) AS `value`
FROM (
  SELECT *, REGEXP_EXTRACT(`text`, '(?s)^(.*?[^\\]"attributes"\s*:\s*\{)', 1) AS `head`
  FROM known
  WHERE `text` IS NOT NULL
);

EXECUTE STATEMENT SET
BEGIN

INSERT INTO logs_error
SELECT `service`, `value` FROM enriched;

INSERT INTO errors_critical
SELECT `service`, `value` FROM enriched WHERE `level` = 'critical';

-- Everything but most debug logs. A trace is in the sample or not, in all services alike: whoever wants to know takes
-- the MD5 of its id.
INSERT INTO logs_sampled
SELECT `trace_id`, `value`
FROM events
WHERE `level` <> 'debug' OR MD5(`trace_id`) < '{{ sampled_below }}';

INSERT INTO error_rates
SELECT
  `service`,
  CAST(`window_start` AS TIMESTAMP_LTZ(3)),
  CAST(`window_end` AS TIMESTAMP_LTZ(3)),
  `total`,
  `errors`,
  `critical`,
  `error_rate`,
  `mean`,
  -- Not for the first minutes, a handful of errors, or a difference that nobody would call one.
  `minutes` >= {{ history_needed }}
    AND `errors` >= {{ anomaly_errors }}
    AND `error_rate` > `mean` + {{ anomaly_deviations }} * GREATEST(`deviation`, {{ anomaly_least_deviation }}),
  FALSE
FROM usual
UNION ALL
SELECT
  `service`,
  `minute`,
  `minute` + INTERVAL '1' MINUTE,
  COUNT(*),
  COUNT(*) FILTER (WHERE `level` IN ('error', 'critical')),
  COUNT(*) FILTER (WHERE `level` = 'critical'),
  CAST(COUNT(*) FILTER (WHERE `level` IN ('error', 'critical')) AS DOUBLE) / COUNT(*),
  CAST(NULL AS DOUBLE),
  FALSE,
  TRUE
FROM TABLE(TUMBLE(TABLE late_minutes, DESCRIPTOR(`seen`), INTERVAL '{{ late_interval }}' SECOND))
GROUP BY `service`, `minute`, `window_start`, `window_end`;

INSERT INTO latencies
SELECT
  `service`,
  CAST(`window_start` AS TIMESTAMP_LTZ(3)),
  CAST(`window_end` AS TIMESTAMP_LTZ(3)),
  `requests`,
  `percentiles`[1],
  `percentiles`[2],
  `percentiles`[3],
  `max_ms`
FROM (
  SELECT
    `service`,
    `window_start`,
    `window_end`,
    COUNT(*) AS `requests`,
    PERCENTILE(`duration_ms`, ARRAY[0.5, 0.9, 0.99]) AS `percentiles`,
    MAX(`duration_ms`) AS `max_ms`
  FROM TABLE(TUMBLE(TABLE durations, DESCRIPTOR(`event_time`), INTERVAL '1' MINUTE))
  GROUP BY `service`, `window_start`, `window_end`
);

-- One trace that fails in several services: where it began, and where it went.
INSERT INTO correlations
SELECT
  `trace_id`,
  MIN(`happened`),
  MAX(`happened`),
  ARRAY_AGG(DISTINCT `service`),
  SUBSTRING(MIN(DATE_FORMAT(`happened`, 'yyyy-MM-dd HH:mm:ss.SSS') || `service`) FROM 24),
  COUNT(*),
  COUNT(*) FILTER (WHERE `level` = 'critical')
FROM TABLE(SESSION(TABLE traced PARTITION BY `trace_id`, DESCRIPTOR(`event_time`), INTERVAL '{{ trace_gap }}' SECOND))
GROUP BY `trace_id`, `window_start`, `window_end`
HAVING COUNT(DISTINCT `service`) >= 2;

INSERT INTO dead_letters
SELECT
  CASE
    WHEN CHAR_LENGTH(`text`) > {{ dead_letter_characters }} THEN ENCODE(SUBSTRING(`text` FROM 1 FOR {{ dead_letter_characters // 2 }}), 'UTF-8')
    ELSE `value`
  END,
  MAP[
    'reason', ENCODE(`reason`, 'UTF-8'),
    'topic', ENCODE(`topic`, 'UTF-8'),
    'partition', ENCODE(CAST(`partition` AS STRING), 'UTF-8'),
    'offset', ENCODE(CAST(`offset` AS STRING), 'UTF-8'),
    'timestamp', ENCODE(DATE_FORMAT(`recorded_at`, 'yyyy-MM-dd''T''HH:mm:ss.SSS''Z'''), 'UTF-8')
  ]
FROM parsed
WHERE `reason` IS NOT NULL;

END;
