"""The configuration of Filebeat or Fluentd, which makes log events of the lines of pods and files.

A line of a pod is `<time> <stdout or stderr> <F or P> <text>` in /var/log/pods/<namespace>_<pod>_<uid>/<container>/
(Kubernetes' CRI log format). If the text is JSON, the event gets the message, level and trace of the JSON object. Else
the text is the message, and the level is guessed as in `textlog`. If a line has no trace, its trace id is a digest of
its place and text, so a line that is shipped twice is the same event.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from ..client.logevent import LONGEST_SERVICE
from ..config import units
from .record import FLUENTD_METRICS_PORT

CREDENTIALS: Final = "/etc/kafkalogs/credentials"
"""The folder of user.crt, user.key and ca.crt."""
DATA: Final = "/var/lib/shipper"
"""The folder of the shipper's state: its position in each file, and its queue."""
STATS_PORT: Final = 5066

LONGEST_LINE: Final = 256 * units.KIB
"""The longest line, in bytes; a longer line is cut, because a line and its attributes must fit into a record."""
_SEGMENT: Final = 10 * units.MIB

# The end of a pod's name, which Kubernetes adds to the name of the pod's owner: the template's hash and five characters
# (Deployment), five characters (DaemonSet, Job), or a number (StatefulSet, Kafka). The letters are SafeEncodeString's.
POD_SUFFIX: Final = r"(-[bcdfghjklmnpqrstvwxz2456789]{6,10})?-[bcdfghjklmnpqrstvwxz2456789]{5}$|-[0-9]+$"

LEVELS: Final[Mapping[str, str]] = {
    name: level
    for level, names in {
        "debug": "TRACE DEBUG FINE FINER FINEST VERBOSE",
        "info": "INFO INFORMATION NOTICE",
        "warning": "WARN WARNING",
        "error": "ERROR ERR SEVERE",
        "critical": "CRITICAL CRIT FATAL ALERT EMERG EMERGENCY PANIC",
    }.items()
    for name in names.split()
}
"""The level of each name that logs use for it."""

_ANY: Final = "|".join(sorted(LEVELS, key=len, reverse=True))

_SCRIPT: Final = """\
var LEVELS = %(levels)s;
var KLOG = {I: "info", W: "warning", E: "error", F: "critical"};
var ALONE = /(?:^|[^\\w.$\\/-])(%(any)s)(?![\\w.$\\/-])/;
var BRACKETS = /[\\[(<](?:[\\w.]*:)?(%(any)s)[\\])>]/i;
var FIELD = /\\b(?:level|lvl|severity|loglevel|log\\.level)\\b"?\\s*[=:]\\s*"?(%(any)s)\\b/i;
var ACCESS = /"[A-Z]{3,10} \\S+(?: HTTP\\/[\\d.]+)?" (?:status: )?([1-5])\\d\\d\\b/;
var POD = /\\/pods\\/([^_\\/]+)_([^_\\/]+)_[^\\/]+\\/([^\\/]+)\\//;
var SUFFIX = /%(suffix)s/;
var TRACE = /^(?!0+$)[0-9a-f]{32}$/, SPAN = /^(?!0+$)[0-9a-f]{16}$/;
var USED = {message: 1, msg: 1, level: 1, severity: 1, trace_id: 1, span_id: 1, attributes: 1};
var node = "";

function register(params) { node = params.node; }

function guess(text) {
  var head = text.substring(0, 200), found = null, i, match;
  var klog = /^([IWEF])\\d{4} \\d\\d:/.exec(head);
  if (klog) return KLOG[klog[1]];
  var rules = [ALONE, BRACKETS, FIELD];
  for (i = 0; i < rules.length; i++) {
    match = rules[i].exec(head);
    if (match && (found === null || match.index < found.index)) found = match;
  }
  if (found) return LEVELS[found[1].toUpperCase()];
  match = ACCESS.exec(text);
  return match && match[1] === "5" ? "error" : match && match[1] === "4" ? "warning" : "info";
}

function parsed(text) {
  if (text.charAt(0) !== "{") return null;
  try { return JSON.parse(text); } catch (error) { return null; }
}

function process(event) {
  var text = String(event.Get("message")), path = String(event.Get("log.file.path")), pod = POD.exec(path);
  var line = event.Get("line"), stream = event.Get("stream"), service = event.Get("service"), key, own;
  var document = {
    timestamp: event.Get("@timestamp").UTC().Format("2006-01-02T15:04:05.000Z"),
    service: (service ? String(service) : pod ? pod[2].replace(SUFFIX, "") : "unknown").substring(0, %(longest)d),
    level: "", message: text, trace_id: line, span_id: line.substring(0, 16),
    instance: pod ? pod[2] : node + ":" + path, attributes: {}
  };
  var attributes = document.attributes, json = parsed(text);
  if (json) {
    own = json.attributes;
    if (own && typeof own === "object" && !(own instanceof Array)) for (key in own) attributes[key] = own[key];
    for (key in json) if (!USED[key]) attributes[key] = json[key];
    if (typeof json.message === "string") document.message = json.message;
    else if (typeof json.msg === "string") document.message = json.msg;
    document.level = LEVELS[String(json.level || json.severity || "").toUpperCase()] || "";
    if (TRACE.test(json.trace_id)) document.trace_id = json.trace_id;
    if (SPAN.test(json.span_id)) document.span_id = json.span_id;
  }
  if (!document.level) document.level = guess(json ? document.message : text);
  attributes.node = node;
  if (pod) { attributes.namespace = pod[1]; attributes.container = pod[3]; } else attributes.file = path;
  if (stream) attributes.stream = stream;
  event.Put("instance", document.instance);
  event.Put("document", JSON.stringify(document));
}
"""

SCRIPT: Final = _SCRIPT % {
    "levels": json.dumps(dict(LEVELS)),
    "any": _ANY,
    "suffix": POD_SUFFIX,
    "longest": LONGEST_SERVICE,
}
"""The processor that turns a line into an event, in Filebeat's JavaScript (ECMAScript 5.1)."""


@dataclass(frozen=True, kw_only=True)
class Shipped:
    """The logs to ship, and their topic."""

    bootstrap: str
    topic: str
    namespaces: Sequence[str]
    """The namespaces whose logs are shipped; `*` for all."""
    files: Mapping[str, Sequence[str]]
    """Paths of further log files, by the service that writes them."""
    own_namespace: str
    """The shipper's namespace. Its logs are never shipped, because each line would cause another line."""
    queue_bytes: int
    credentials: str = CREDENTIALS
    data: str = DATA
    pods: str = "/var/log/pods"


def filebeat_config(shipped: Shipped) -> dict[str, Any]:
    """filebeat.yml. The name of the node comes from the environment variable NODE_NAME."""
    return {
        "filebeat.inputs": _inputs(shipped),
        "filebeat.registry.flush": "1s",
        "processors": [
            {
                "fingerprint": {
                    "fields": ["log.file.path", "log.offset", "message"],
                    "method": "md5",
                    "target_field": "line",
                }
            },
            {"script": {"lang": "javascript", "params": {"node": "${NODE_NAME}"}, "source": SCRIPT}},
        ],
        # On disk, so that neither a restart nor an hour without Kafka loses a line. A full queue stops the reading.
        "queue.disk": {"max_size": f"{shipped.queue_bytes}B", "segment_size": f"{_SEGMENT}B"},
        "output.kafka": _output(shipped),
        "path.data": shipped.data,
        "http": {"enabled": True, "host": "localhost", "port": STATS_PORT},
        "logging": {"level": "warning", "to_stderr": True, "to_files": False, "metrics.enabled": False},
        # Kubernetes' profile applies. Filebeat's list of system calls is older than the Go version that built Filebeat.
        "seccomp.enabled": False,
    }


def _inputs(shipped: Shipped) -> list[dict[str, Any]]:
    inputs: list[dict[str, Any]] = [
        {
            "type": "container",
            # These are rotated files too: Filebeat reads the rest of a file after its rotation.
            "paths": [f"{shipped.pods}/{name}_*/*/*.log*" for name in shipped.namespaces],
            "exclude_files": [r"\.gz$", r"\.tmp$", f"/{shipped.own_namespace}_"],
            **_READING,
        }
    ]
    inputs += [
        {
            "type": "log",
            "paths": list(paths),
            "exclude_files": [r"\.gz$"],
            "fields": {"service": service},
            "fields_under_root": True,
            **_READING,
        }
        for service, paths in shipped.files.items()
    ]
    return inputs


def _output(shipped: Shipped) -> dict[str, Any]:
    return {
        "hosts": [shipped.bootstrap],
        "topic": shipped.topic,
        "key": "%{[instance]}",
        "partition.hash": {"hash": ["instance"], "reachable_only": False},
        # The newest protocol that this Filebeat knows; Kafka 4 still supports it.
        "version": "2.1.0",
        "required_acks": -1,
        "compression": "gzip",
        "max_message_bytes": 1_000_000,
        "codec.format": {"string": "%{[document]}"},
        "ssl": {
            "certificate_authorities": [f"{shipped.credentials}/ca.crt"],
            "certificate": f"{shipped.credentials}/user.crt",
            "key": f"{shipped.credentials}/user.key",
            "verification_mode": "full",
        },
    }


_READING: Final[dict[str, Any]] = {
    "max_bytes": LONGEST_LINE,
    "clean_removed": True,
    # A stack trace is one event. `timeout` is how long Filebeat waits for its next line.
    "multiline": {
        "type": "pattern",
        "pattern": r"^\s|^Caused by:",
        "negate": False,
        "match": "after",
        "timeout": "1s",
    },
}


def filebeat_yaml(shipped: Shipped) -> str:
    """filebeat.yml as text."""
    return yaml.dump(filebeat_config(shipped), Dumper=_Readable, sort_keys=False, width=200)


class _Readable(yaml.SafeDumper):
    """Writes a text of several lines as a block, and no references, so that people can read the ConfigMap."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)  # pyright: ignore[reportUnknownMemberType]


_Readable.add_representer(str, _block)


def fluentd_config(shipped: Shipped) -> str:
    """fluent.conf for an image with fluent-plugin-kafka, -concat and -prometheus, as fluentd-kubernetes-daemonset's
    Kafka variants are.

    The text follows the documentation of these plugins. It has never run, because a machine that reaches only package
    registries cannot get their images.
    """
    paths = ",".join(f"/var/log/pods/{name}_*/*/*.log" for name in shipped.namespaces)
    sources = [_FLUENTD_PODS % {"paths": paths, "own": shipped.own_namespace, "data": DATA}]
    sources += [
        _FLUENTD_FILES % {"paths": ",".join(found), "service": service, "data": DATA}
        for service, found in shipped.files.items()
    ]
    values = {
        "bootstrap": shipped.bootstrap,
        "topic": shipped.topic,
        "queue": shipped.queue_bytes,
        "credentials": CREDENTIALS,
        "data": DATA,
        "metrics": FLUENTD_METRICS_PORT,
        **_ruby(),
    }
    return "\n".join([*sources, _FLUENTD_OUTPUT % values])


def _ruby() -> dict[str, str]:
    """The Ruby expressions that make the fields of an event from a record of Fluentd."""
    pod = 'record["path"].split("/")[4].split("_")[1]'
    of_file = 'tag_parts[0] == "files"'
    levels = json.dumps(dict(LEVELS)).replace(": ", " => ")
    found = rf'(m = /(?:^|[^\w.$\/-])({_ANY})(?![\w.$\/-])/.match(record["message"][0, 200]))'
    return {
        "service": f'({of_file} ? tag_parts[1] : {pod}.sub(/{POD_SUFFIX}/, ""))[0, {LONGEST_SERVICE}]',
        "instance": f'{of_file} ? ENV["NODE_NAME"] + ":" + record["path"] : {pod}',
        "level": f'{found} ? {levels}[m[1]] : "info"',
        "digest": 'require "digest"; Digest::MD5.hexdigest(record["path"] + time.to_r.to_s + record["message"])',
    }


_FLUENTD_PODS: Final = """\
<source>
  @type tail
  path %(paths)s
  exclude_path ["/var/log/pods/%(own)s_*/*/*.log"]
  pos_file %(data)s/pods.pos
  tag pods.*
  path_key path
  read_from_head true
  <parse>
    @type regexp
    expression /^(?<time>\\S+) (?<stream>stdout|stderr) (?<part>[FP]) (?<message>.*)$/
    time_format %%Y-%%m-%%dT%%H:%%M:%%S.%%N%%:z
  </parse>
</source>
<filter pods.**>
  @type concat
  key message
  use_partial_cri_logtag true
  partial_cri_logtag_key part
  partial_cri_stream_key stream
  separator ""
</filter>
"""

_FLUENTD_FILES: Final = """\
<source>
  @type tail
  path %(paths)s
  pos_file %(data)s/%(service)s.pos
  tag files.%(service)s
  path_key path
  read_from_head true
  <parse>
    @type none
  </parse>
</source>
"""

_FLUENTD_OUTPUT: Final = """\
<filter {pods,files}.**>
  @type record_transformer
  enable_ruby true
  renew_record true
  auto_typecast true
  <record>
    timestamp ${time.utc.strftime("%%Y-%%m-%%dT%%H:%%M:%%S.%%LZ")}
    service ${%(service)s}
    level ${%(level)s}
    message ${record["message"]}
    trace_id ${%(digest)s}
    span_id ${%(digest)s[0, 16]}
    instance ${%(instance)s}
    attributes ${{"node" => ENV["NODE_NAME"], "file" => record["path"]}}
  </record>
</filter>
<match {pods,files}.**>
  @type kafka2
  brokers %(bootstrap)s
  default_topic %(topic)s
  message_key_key instance
  required_acks -1
  compression_codec gzip
  ssl_ca_cert %(credentials)s/ca.crt
  ssl_client_cert %(credentials)s/user.crt
  ssl_client_cert_key %(credentials)s/user.key
  ssl_verify_hostname true
  <format>
    @type json
  </format>
  <buffer>
    @type file
    path %(data)s/buffer
    total_limit_size %(queue)d
    overflow_action block
    flush_interval 1s
    retry_forever true
    retry_max_interval 30s
  </buffer>
</match>
<source>
  @type prometheus
  bind 0.0.0.0
  port %(metrics)d
</source>
<source>
  @type prometheus_output_monitor
</source>
"""
