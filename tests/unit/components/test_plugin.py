"""The plugin that serves the components to other languages."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

from kafkalogs import KafkaCluster, LogPlatform, LogTopic, ServiceIdentity, StrimziCrds, StrimziOperator
from pulumi.provider.experimental.component import ComponentProvider

COMPONENTS = [LogPlatform, KafkaCluster, LogTopic, ServiceIdentity, StrimziOperator, StrimziCrds]


def schema() -> dict:
    return json.loads(ComponentProvider(COMPONENTS, "kafkalogs", None, "0.1.0").schema)


def test_every_component_is_in_the_schema():
    assert set(schema()["resources"]) == {f"kafkalogs:index:{c.__name__}" for c in COMPONENTS}


def test_every_input_and_output_is_described():
    found = schema()
    for name, resource in {**found["resources"], **found["types"]}.items():
        for kind in ("inputProperties", "properties"):
            for key, value in resource.get(kind, {}).items():
                assert value.get("description"), f"{name}.{key}"


def test_types_of_inputs():
    topic = schema()["resources"]["kafkalogs:index:LogTopic"]
    assert topic["inputProperties"]["partitions"]["type"] == "integer"
    assert "maxMessageBytes" not in topic["requiredInputs"]
    assert "retentionMs" in topic["requiredInputs"]


def test_the_host_serves_all_of_them():
    file = Path(__file__).resolve().parents[3] / "components" / "__main__.py"
    spec = importlib.util.spec_from_file_location("plugin_host", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert [getattr(module, c.__name__) for c in COMPONENTS] == COMPONENTS


def test_programs_that_only_log_do_not_load_pulumi():
    code = "import sys, kafkalogs; print([m for m in sys.modules if m.split('.')[0] in ('pulumi', 'pydantic')])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
