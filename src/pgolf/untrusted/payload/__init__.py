"""A small abstract interpreter that follows a wrapper to what it hands to `exec`, without running any of it.

It walks the wrapper's own statements in execution order over values that are either known constants or `Unknown` with
a reason. Decoders are pgolf's own (`codecs`), files are looked up beside the script or in a virtual file system that the
wrapper's own writes fill, environment variables have their defaults. Whatever it does not understand is Unknown, never
a guess; a branch on something unknown makes everything it touches unknown. What is executed is reported, in order, to
an `on_execute` callback; what cannot be followed is reported as an `Unfollowed` with the reason.

Not a boundary by itself: it allocates and loops under `Limits`, and runs in the worker like everything here.
"""

from __future__ import annotations

from pgolf.untrusted.payload.statements import Interpreter
from pgolf.untrusted.payload.values import Execution, Function, Module, Scope, Unfollowed, Unknown

__all__ = ["Execution", "Function", "Interpreter", "Module", "Scope", "Unfollowed", "Unknown"]
