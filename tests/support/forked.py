"""Commands in processes of their own, each forked from one that has imported everything already."""

import atexit
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

from local.paths import ROOT

_LONGEST_SECONDS: Final = 300


class ForkedCommand:
    """A command line that is run often: importing what it needs takes longer than running it.

    Args:
        main: what is called, as `module:name`.
        preload: modules that it imports on its way.

    """

    def __init__(self, main: str, *preload: str) -> None:
        command = [sys.executable, "-m", "tests.support.forked", main, *preload]
        paths = os.pathsep.join([str(ROOT), str(ROOT / "clients" / "cli")])
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, "PYTHONPATH": paths}, text=True, **pipes
        )
        atexit.register(self._process.communicate)

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run it with nothing but this environment; give what it said and its exit code."""
        assert self._process.stdin
        assert self._process.stdout
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder) / name for name in ("stdout", "stderr")]
            wanted = [list(arguments), dict(environment), [*map(str, files)]]
            print(json.dumps(wanted), file=self._process.stdin, flush=True)
            exit_code = int(self._process.stdout.readline())
            stdout, stderr = (file.read_text(encoding="utf-8") for file in files)
        return subprocess.CompletedProcess(list(arguments), exit_code, stdout, stderr)


def serve(main: Callable[[], object]) -> None:
    """Fork for each line that says what to run, and tell its exit code."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _run(main, *json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 (whoever asked reads it)


def _run(
    main: Callable[[], object], arguments: list[str], environment: dict[str, str], files: list[str]
) -> NoReturn:
    signal.alarm(_LONGEST_SECONDS)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, file in enumerate(files, start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[1:] = arguments
    exit_code: object = 0
    try:
        main()
    except SystemExit as ended:
        exit_code = ended.code or 0
    except BaseException:  # noqa: BLE001 (whatever it is, it ends this process and no other)
        traceback.print_exc()
        exit_code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code if isinstance(exit_code, int) else 1)


if __name__ == "__main__":
    module, _, name = sys.argv[1].partition(":")
    for needed in sys.argv[2:]:
        importlib.import_module(needed)
    serve(getattr(importlib.import_module(module), name))
