"""Commands that other programs run: in this state, or on another machine."""

from __future__ import annotations

from pgolf.lab.launch.expansion import BENIGN
from pgolf.lab.launch.interpreter import Interpreter, State, Stream


def hand_over(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None = None) -> str:
    from pgolf.lab.launch.programs import dispatch

    return dispatch(shell, argv, state, stdin) if argv else ""


def elsewhere(state: State, environ: dict[str, str] | None = None) -> State:
    """A shell on another machine: none of our variables, files we cannot see."""
    return state.process({"HOME": BENIGN, **(environ or {})}, remote=True)
