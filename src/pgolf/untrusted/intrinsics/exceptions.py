"""Python's exceptions: which is a kind of which."""

from __future__ import annotations

from pgolf.untrusted.interp import Interp
from pgolf.untrusted.intrinsics.calls import Args, Kwargs
from pgolf.untrusted.values import ExceptionValue, NativeClass, Value

EXCEPTION_PARENTS: dict[str, str | None] = {"BaseException": None, "Exception": "BaseException"}

for _child, _parent in (
    ("ArithmeticError", "Exception"), ("ZeroDivisionError", "ArithmeticError"), ("OverflowError", "ArithmeticError"),
    ("AssertionError", "Exception"), ("AttributeError", "Exception"), ("EOFError", "Exception"),
    ("ImportError", "Exception"), ("ModuleNotFoundError", "ImportError"), ("LookupError", "Exception"),
    ("IndexError", "LookupError"), ("KeyError", "LookupError"), ("NameError", "Exception"), ("OSError", "Exception"),
    ("FileNotFoundError", "OSError"), ("PermissionError", "OSError"), ("FileExistsError", "OSError"),
    ("RuntimeError", "Exception"), ("NotImplementedError", "RuntimeError"), ("RecursionError", "RuntimeError"),
    ("StopIteration", "Exception"), ("TypeError", "Exception"), ("ValueError", "Exception"),
    ("UnicodeError", "ValueError"), ("UnicodeDecodeError", "UnicodeError"), ("UnicodeEncodeError", "UnicodeError"),
    ("TimeoutError", "OSError"), ("KeyboardInterrupt", "BaseException"), ("SystemExit", "BaseException"),
    ("Warning", "Exception"), ("UserWarning", "Warning"), ("DeprecationWarning", "Warning"),
    ("FutureWarning", "Warning"), ("MemoryError", "Exception"), ("BufferError", "Exception"),
    ("ConnectionError", "OSError"), ("SyntaxError", "Exception"), ("IOError", "Exception"),
):  # fmt: skip
    EXCEPTION_PARENTS[_child] = _parent  # noqa: PERF403


def exception_class(name: str) -> NativeClass:
    def make(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        return ExceptionValue(name, tuple(args))

    return NativeClass(name, make)
