"""(C) What a cold start costs: importing each function's handler, and the size of the layers."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from local.bench.plan import Plan
from local.bench.report import ResultTable, number
from local.build import LOCAL_RUNTIME, build
from local.paths import BUILD
from local.progress import step
from tests.support.parameters import parameter_store
from tests.support.template import resources
from tests.support.variables import variables

LAYERS = ("DependenciesLayer", "FerrymanLayer")
_MEGABYTE = 10**6
_LAMBDA_LIMIT_MEGABYTES = 250
_IMPORT_SECONDS = 60.0
_MOST_MS = 800
"""What importing ingest may take: every post behind a cold start waits for it."""
_IMPORT = """
import json, sys, time
started = time.perf_counter()
import app
took = (time.perf_counter() - started) * 1000
assert "web3" not in sys.modules and "eth_account" not in sys.modules
print(json.dumps([took, len(sys.modules)]))
"""


def measure_cold(plan: Plan) -> list[ResultTable]:
    """Measure the functions and layers as `sam build` made them."""
    with step("Building the functions and layers"):
        build(LOCAL_RUNTIME)
    with step("Importing the handlers"), parameter_store("http://127.0.0.1:1") as store:
        imports = [
            (_step_of(function), *_import_cells(name, _step_of(function), store.url, plan.imports))
            for name, function in resources("AWS::Serverless::Function").items()
        ]
    return [
        ResultTable(
            "Cold start: importing a handler",
            ("function", "milliseconds (median)", "modules"),
            imports,
            f"Fresh interpreters, {plan.imports} each, bytecode present: everything that a handler's module "
            "does before its first event, boto3's clients included, and reading the RPC addresses from a "
            f"parameter store on this machine. Target: ingest in {_MOST_MS} ms, {_verdict(imports)}.",
        ),
        ResultTable(
            "Layers, unzipped",
            ("layer", "MB", "of it bytecode"),
            [(name, *map(number, _megabytes(name))) for name in LAYERS],
            f"Lambda's limit for a function with its layers is {_LAMBDA_LIMIT_MEGABYTES} MB.",
        ),
    ]


def _verdict(imports: Sequence[Sequence[str]]) -> str:
    (milliseconds,) = (float(row[1].replace(",", "")) for row in imports if row[0] == "ingest")
    return "met" if milliseconds <= _MOST_MS else "**missed**"


def _step_of(function: dict[str, Any]) -> str:
    return str(function["CodeUri"]).removeprefix("functions/")


def _import_cells(logical_id: str, name: str, aws_url: str, times: int) -> tuple[str, str]:
    folders = [BUILD / logical_id, *(BUILD / layer / "python" for layer in LAYERS)]
    environment = variables(name) | {
        "AWS_ENDPOINT_URL": aws_url,
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
    }
    _imported(environment)  # leaves the bytecode of what is not in a layer, and warms the disk
    milliseconds, modules = zip(*(_imported(environment) for _ in range(times)), strict=True)
    return number(statistics.median(milliseconds)), f"{modules[0]}"


def _imported(environment: dict[str, str]) -> tuple[float, int]:
    """Import a handler in a fresh interpreter: milliseconds, and how many modules that loads."""
    ended = subprocess.run(
        [sys.executable, "-c", _IMPORT],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        timeout=_IMPORT_SECONDS,
        check=True,
    )
    milliseconds, modules = json.loads(ended.stdout)
    return milliseconds, modules


def _megabytes(layer: str) -> tuple[float, float]:
    files = list(_files(BUILD / layer))
    bytecode = sum(path.stat().st_size for path in files if path.suffix == ".pyc")
    return sum(path.stat().st_size for path in files) / _MEGABYTE, bytecode / _MEGABYTE


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())
