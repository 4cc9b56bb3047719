{# Expressions that tables.sql and logs.sql share. Flink inlines views, so a macro costs no more than a view. -#}

{# The time in the field timestamp of a JSON text (RFC 3339, any offset); NULL if it has none. The session is in UTC. -#}
{%- macro happened(text) -%}
  {%- set written = "UPPER(JSON_VALUE(" ~ text ~ ", '$.timestamp'))" -%}
  CASE
    WHEN REGEXP({{ written }}, '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)\z')
    THEN TRY_CAST(
      SUBSTRING({{ written }} FROM 1 FOR 10) || ' ' || SUBSTRING({{ written }} FROM 12 FOR 8)
        || COALESCE(REGEXP_EXTRACT({{ written }}, '^.{19}(\.\d{1,9})', 1), '')
      AS TIMESTAMP_LTZ(3)
    ) - INTERVAL '1' MINUTE * COALESCE(
      CAST(REGEXP_EXTRACT({{ written }}, '([+-]\d\d):\d\d\z', 1) AS INT) * 60
        + CAST(REGEXP_EXTRACT({{ written }}, '([+-])\d\d:\d\d\z', 1) || REGEXP_EXTRACT({{ written }}, '(\d\d)\z', 1) AS INT),
      0
    )
  END
{%- endmacro -%}

{# When an event happened. The default is the time at which Kafka got the record. The time is at most a minute later
   than this default, because a clock far ahead would keep windows open. CAST reads the bytes, not DECODE: the code that
   Flink 2.3 generates for a time attribute cannot handle the exception that DECODE declares. -#}
{%- macro event_time() -%}
  {%- set own = happened("CAST(`value` AS STRING)") -%}
  COALESCE(LEAST({{ own }}, `recorded_at` + INTERVAL '1' MINUTE), `recorded_at`)
{%- endmacro -%}

{# Whether a topic may not hold an event of this service. `writers` has the topics whose name does not tell their only writer. -#}
{%- macro is_foreign() -%}
  {%- set service = "JSON_VALUE(`text`, '$.service')" -%}
  {%- set all = [] -%}
  {%- set pairs = [] -%}
  {%- for topic, services in writers.items() -%}
    {%- if services == ["*"] -%}
      {%- set _ = all.append("'" ~ topic ~ "'") -%}
    {%- else -%}
      {%- for one in services -%}{%- set _ = pairs.append("'" ~ topic ~ "=" ~ one ~ "'") -%}{%- endfor -%}
    {%- endif -%}
  {%- endfor -%}
  `topic` NOT IN ('' {%- for topic in all %}, {{ topic }}{% endfor -%})
    AND CASE
      WHEN `topic` IN ('' {%- for topic in writers %}, '{{ topic }}'{% endfor -%})
      THEN `topic` || '=' || {{ service }} NOT IN ('' {%- for pair in pairs %}, {{ pair }}{% endfor -%})
      ELSE `topic` <> 'logs.' || {{ service }}
    END
{%- endmacro -%}

{# Whether a field is missing, has another type, or (unless `empty`) is the empty text. -#}
{%- macro is_no_text(field, empty=false) -%}
  COALESCE(JSON_QUERY(`text`, '$.{{ field }}' WITH UNCONDITIONAL WRAPPER), '') NOT LIKE '["{{ "%" if empty else "_%\"]" }}'
{%- endmacro -%}
