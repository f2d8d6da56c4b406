"""The program `roost`.  Common questions are answered before anything heavy is imported (D14)."""

from __future__ import annotations

import sys

from . import exits, output, quick
from .faults import debugging, explain


def main() -> None:
    """What the console script calls."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """One command, from its arguments to its exit code; no exception leaves this."""
    output.prepare_streams()
    try:
        code = quick.answer(arguments)
        if code is None:
            from .app import invoke

            code = invoke(arguments)
        output.flush()
    except BrokenPipeError:
        output.abandon_stdout()
        return exits.DONE  # the reader has all that it wanted
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last door: a person gets a sentence, not a trace
        if debugging():
            _print_trace()
        problem = explain(error)
        output.fault(problem)
        output.settle()
        return problem.code
    return code


def _print_trace() -> None:
    import traceback

    traceback.print_exc()


if __name__ == "__main__":
    main()
