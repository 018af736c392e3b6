"""The dashboard and the alert rules: each expression names metrics and labels that exist, and each alert fires."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.lib.metrics import Metrics
from tests.deploy.test_files import accepted, needs

DEPLOY = Path(__file__).parents[2] / "deploy" / "grafana"
DASHBOARD = json.loads((DEPLOY / "dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
RULES = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"][0]["rules"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]] + [rule["expr"] for rule in RULES]

# What Prometheus adds to each series of a host, and its own metric about the host.
ADDED = {"job", "instance"}
SERIES = re.compile(r"\b(up|guildhall_\w+)(?:\{([^}]*)\})?")


def exposed() -> dict[str, set[str]]:
    """The labels of each series that a worker has, once each has been counted."""
    metrics = Metrics()
    metrics.observe("GET", "/v1/guilds", 503, 0.1)
    metrics.turned_away.labels(reason="busy").inc()
    metrics.streams_refused.labels(whose="key").inc()
    metrics.replica_reads.labels(outcome="late").inc()
    found: dict[str, set[str]] = {"up": set()}
    for line in metrics.render().decode().splitlines():
        if not line.startswith("#"):
            name, _, labels = line.rpartition(" ")[0].partition("{")
            found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    return found


def named() -> list[tuple[str, set[str]]]:
    """Each series of an expression, with the labels by which it is chosen or added up."""
    return [
        (name, set(re.findall(r"(\w+)(?==~|!=|!~|=)", matchers or "")))
        for expression in EXPRESSIONS
        for name, matchers in SERIES.findall(expression)
    ]


def test_each_expression_names_what_exists() -> None:
    there = exposed()
    assert len(named()) > 30
    for name, labels in named():
        assert name in there, name
        assert labels <= there[name] | ADDED, (name, labels)
    for expression in EXPRESSIONS:
        grouped = set(re.findall(r"\w+", " ".join(re.findall(r"\bby \(([^)]*)\)", expression))))
        of_all = {label for name, _ in SERIES.findall(expression) for label in there[name]}
        assert grouped <= of_all | ADDED, expression


def test_the_dashboard_shows_every_metric() -> None:
    """A new one gets its place there."""
    shown = {re.sub(r"_(bucket|total)$", "", name) for name, _ in named()}
    ours = {re.sub(r"_(bucket|total|count|sum|created)$", "", name) for name in exposed()}
    assert ours - shown == set()


def test_the_dashboard_is_one() -> None:
    """What Grafana would mend or refuse at importing: ids, places, and where data come from."""
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
    variables = {each["name"] for each in DASHBOARD["templating"]["list"]}
    assert variables == {"datasource", "job", "instance"}
    for panel in PANELS:
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]
        used = set(re.findall(r"\$(\w+)", " ".join(target["expr"] for target in panel["targets"])))
        assert used - {"__rate_interval"} <= variables, panel["title"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_each_alert_says_what_to_do(rule: dict[str, Any]) -> None:  # Any: YAML
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert set(rule["annotations"]) == {"summary", "description"}
    tests = (Path(__file__).parent / "alerts_test.yml").read_text()
    assert f"alertname: {rule['alert']} }}" in tests, "quiet on a healthy server"
    assert f'alertname="{rule["alert"]}"' in tests, "fires"


def test_promtool_accepts_and_tries_them() -> None:
    promtool = needs("promtool")
    accepted(promtool, "check", "rules", DEPLOY / "alerts.yml")
    accepted(promtool, "test", "rules", Path(__file__).parent / "alerts_test.yml")


def test_promtool_parses_the_dashboards_expressions(tmp_path: Path) -> None:
    promtool = needs("promtool")
    rules = [
        {"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "1m")}
        for number, expression in enumerate(EXPRESSIONS)
    ]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
