"""Command lines, and functions that a launcher, another process or the end of the script calls."""

from __future__ import annotations

from pgolf.untrusted.interp import Interp
from pgolf.untrusted.intrinsics.calls import Args, Kwargs, NativeMethod
from pgolf.untrusted.intrinsics.records import namespace
from pgolf.untrusted.intrinsics.settings import toy_setting
from pgolf.untrusted.operators import raise_in_script
from pgolf.untrusted.values import (
    MISSING,
    BoundMethod,
    Function,
    Intrinsic,
    Module,
    NativeObject,
    Opaque,
    Value,
)


def at_exit(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    if args and not isinstance(args[0], Opaque):
        interp.at_exit.append((args[0], args[1:], kwargs, line))
    return args[0] if args else None


def on_signal(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """A handler may run at any time, or never."""
    handler = args[1] if len(args) > 1 else kwargs.get("handler")
    handler = handler.function if isinstance(handler, BoundMethod) else handler
    if isinstance(handler, Function):
        from pgolf.untrusted.changes import spoil_reachable

        spoil_reachable(handler.frame, handler.code.node, "changed by a handler of signals", line)
    return None


def _add_argument(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    names = [a for a in args if isinstance(a, str)]
    if names:
        long = next((n for n in names if n.startswith("--")), names[0])
        dest = kwargs.get("dest", long.lstrip("-").replace("-", "_"))
        action = kwargs.get("action")
        default = kwargs.get(
            "default", False if action == "store_true" else True if action == "store_false" else MISSING
        )
        if default is MISSING:
            default = (
                Opaque(f"command-line argument {long}", line, "config")
                if not long.startswith("--") or kwargs.get("required")
                else None
            )
        if isinstance(dest, str):
            if isinstance(default, str) and kwargs.get("type") is not None:
                default = interp.call(kwargs["type"], [default], {}, line)
            target.state[dest] = toy_setting(dest, default, interp.other_sizes)
    return Module("argument")


def _parse_args(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    given = args[0] if args else kwargs.get("args")
    if given is not None and given != []:
        unread = {
            name: Opaque("an argument that is given in the script", line, "config") for name in target.state
        }
        return namespace(interp, [], unread, line)
    return namespace(interp, [], dict(target.state), line)


def parser(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`argparse.ArgumentParser`, without options that change what its arguments are."""
    if kwargs.keys() & {"argument_default", "parents", "fromfile_prefix_chars"}:
        return Opaque("a parser of arguments with options", line, "config")
    return NativeObject("ArgumentParser", PARSER_METHODS, {})


PARSER_METHODS: dict[str, NativeMethod] = {
    "add_argument": _add_argument, "parse_args": _parse_args,
    "parse_known_args": lambda i, t, a, k, ln: (_parse_args(i, t, a, k, ln), []),
    "add_argument_group": lambda i, t, a, k, ln: t, "add_mutually_exclusive_group": lambda i, t, a, k, ln: t,
    "set_defaults": lambda i, t, a, k, ln: t.state.update(k), "error": lambda i, t, a, k, ln: None,
    "print_help": lambda i, t, a, k, ln: None,
}  # fmt: skip


def exit_script(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    raise raise_in_script("SystemExit", "", line)


def decorator(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """A decorator of a command-line library, with or without arguments: the function stays what it is."""
    if args and isinstance(args[0], (Function, Intrinsic)):
        return args[0]
    return Intrinsic("decorator", lambda i, a, k, ln: a[0] if a else None)


def option(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`@click.option("--model-path", default=…)`: the function is called with the default under that name."""
    names = [a for a in args if isinstance(a, str)]
    plain = next((n for n in names if not n.startswith("-")), None) or max(names, key=len, default="").lstrip(
        "-"
    )
    name = plain.split("/")[0].replace("-", "_").lower()
    if "default" in kwargs:
        value = kwargs["default"]
    elif kwargs.get("is_flag"):
        value = False
    else:
        value = () if kwargs.get("multiple") else Opaque(f"option {name} without a default", line, "config")

    def decorate(interp: Interp, a: Args, k: Kwargs, ln: int) -> Value:
        target = a[0] if a else None
        if isinstance(target, Function):
            options: dict[str, Value] = {}
            found = target
            command = Intrinsic(
                "command",
                lambda i, a2, k2, l2: i.call(found, a2, k2 if a2 else {**options, **k2}, l2),
                options,
            )
        elif isinstance(target, Intrinsic) and target.name == "command" and isinstance(target.receiver, dict):
            command = target
        else:
            return target
        command.receiver[name] = value
        return command

    return Intrinsic("option", decorate)


def first(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    value = args[0] if args else kwargs.get("default")
    return Opaque("a required argument", line, "config") if value is ... else value


def spawn(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`mp.spawn(worker, args=(…), nprocs=8)`: the first process."""
    worker = args[0] if args else kwargs.get("fn")
    given = kwargs.get("args", args[1] if len(args) > 1 else ())
    if isinstance(given, (tuple, list)):
        interp.call(worker, [0, *given], {}, line)
        return None
    return Opaque("spawn() with unknown arguments", line)


def process(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`Process(target=worker, args=(…))`, which runs when it is started."""
    target, given, named = kwargs.get("target"), kwargs.get("args", ()), kwargs.get("kwargs", {})

    def start(i: Interp, t: NativeObject, a: Args, k: Kwargs, ln: int) -> Value:
        if isinstance(given, (tuple, list)) and isinstance(named, dict) and target is not None:
            i.call(target, list(given), {k: v for k, v in named.items() if isinstance(k, str)}, ln)
        return None

    idle: NativeMethod = lambda i, t, a, k, ln: None  # noqa: E731
    return NativeObject("Process", {"start": start, "join": idle, "terminate": idle, "close": idle})
