"""Run the benchmark's command line."""

import argparse
import os
import shlex
import subprocess
import sys

from local.bench.batches import measure_batches
from local.bench.cached import measure_cached
from local.bench.cold import measure_cold
from local.bench.ends import measure_ends
from local.bench.facilitators import measure_facilitators
from local.bench.flood import measure_flood
from local.bench.in_process import measure_in_process
from local.bench.lanes import measure_lanes
from local.bench.machine import machine_table, warn_if_busy
from local.bench.on_stack import measure_on_stack
from local.bench.open_looks import measure_open_looks
from local.bench.payment_units import measure_units
from local.bench.plan import FULL, QUICK, Plan
from local.bench.report import ResultTable, write_measured
from local.bench.settlement_units import measure_settlement_units
from local.bench.settlements import measure_settlements
from local.bench.stack import stack_to_measure
from local.errors import LocalStackError
from local.paths import ROOT
from local.progress import console
from local.settings import add_setting_flags

_DOCUMENT = ROOT / "docs" / "benchmarks.md"
_COSTS = ROOT / "docs" / "deploy.md"
_DESCRIPTION = "Measure the payment path, print the results, and write them into the documents."


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m local.bench", description=_DESCRIPTION)
    parser.add_argument("--quick", action="store_true", help="a smoke test: few payments, nothing is written")
    add_setting_flags(parser)
    arguments = parser.parse_args()
    load_before = os.getloadavg()[0]
    warn_if_busy()
    try:
        results, costs = _measure(arguments, QUICK if arguments.quick else FULL)
        tables = [*results, machine_table(_command(), load_before)]
        for table in (*tables, *costs):
            table.show()
        if not arguments.quick:
            write_measured(_DOCUMENT, tables)
            write_measured(_COSTS, costs)
    except (LocalStackError, TimeoutError, subprocess.SubprocessError) as error:
        console.print(str(error) or "the payments did not end in time", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        return 1
    return 0


def _measure(arguments: argparse.Namespace, plan: Plan) -> tuple[list[ResultTable], list[ResultTable]]:
    # One after the other: what runs beside a measurement is in it.
    with stack_to_measure(arguments) as stack:
        results, payments = measure_on_stack(stack, plan)
        settling, settlements = measure_facilitators(stack, plan)
    return [
        *results,
        *settling,
        *measure_in_process(plan),
        *measure_flood(plan),
        *measure_open_looks(plan),
        *measure_ends(plan),
        *measure_cached(plan),
        *measure_lanes(plan),
        *measure_batches(plan),
        *measure_settlements(plan),
        *measure_units(),
        *measure_settlement_units(),
        *measure_cold(plan),
    ], [payments, settlements]


def _command() -> str:
    return shlex.join(["python", "-m", "local.bench", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
