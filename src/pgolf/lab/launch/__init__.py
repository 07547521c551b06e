"""A shell command -> the GPU launches it would make, priced: `price(command, …) -> LaunchPlan`.

The command is read as bash reads it (`shell`), followed on paper with its variables, loops and scripts
(`interpreter`, `programs`), and each launcher's own arguments give GPUs, nodes and the wall-clock cap (`launchers`).
A launch that cannot be priced is an `Unpriceable` in the plan, never silence. Standard library only, and little of
it: an agent's hook imports this before its commands.
"""

from __future__ import annotations

import os

from pgolf.lab.launch.values import Launch, LaunchPlan, Rates, Unpriceable, rates_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pgolf.core.profile import Profile

__all__ = ["Launch", "LaunchPlan", "Rates", "Unpriceable", "price", "price_argv", "rates_of"]


def price(
    command: str,
    *,
    environ: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    profile: Profile | Rates | Callable[[], Profile | Rates],
) -> LaunchPlan:
    """Everything `command` would launch, run by a shell with `environ` in folder `cwd`, at the profile's rates.

    `profile` may be a function, called when there is something to price.

    Never raises for any text: a command that is too long, too deep, too slow to read or not shell at all is a
    plan with a problem when it could hold a launch, and an empty plan when it could not.
    """
    from pgolf.lab.launch.bounds import TooMuch
    from pgolf.lab.launch.interpreter import Interpreter, State, may_launch

    environment = dict(os.environ if environ is None else environ)
    folder = os.path.abspath(os.fspath(cwd) if cwd is not None else os.getcwd())
    shell = Interpreter(lambda: rates_of(profile() if callable(profile) else profile), folder)
    state = State({k: v for k, v in environment.items() if "\0" not in v}, folder)
    if any(char < "\t" for char in command):
        command = command.translate(dict.fromkeys(range(9), " "))
    try:
        shell.code(command, state, None)
    except TooMuch as error:
        if may_launch(command) or shell.launches or shell.problems or shell.reading:
            shell.problem(
                command,
                f"it takes too much to read ({error})",
                "write the launch as one plain command",
                state,
            )
    except RecursionError:
        shell.problem(
            command, "it is nested too deeply to read", "write the launch as one plain command", state
        )
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        AssertionError,
        OSError,
        MemoryError,
    ) as error:
        # A fault of this reader, not of the command: it must not let a launch through.
        if may_launch(command) or shell.launches or shell.problems or shell.reading:
            why = f"its reader failed ({type(error).__name__}: {error})"
            shell.problem(command, why, "write the launch as one plain command", state)
    return shell.plan()


def price_argv(
    argv: Sequence[str],
    *,
    environ: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    profile: Profile | Rates,
) -> LaunchPlan:
    """`price` for a command that is already a list of words."""
    from pgolf.lab.launch.programs import quote

    return price(" ".join(quote(word) for word in argv), environ=environ, cwd=cwd, profile=profile)
