"""The standard library as far as builders and loaders use it: the environment, `os`, and the table of modules."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable

from pgolf.errors import LimitTripped
from pgolf.untrusted.interp import Interp
from pgolf.untrusted.intrinsics.arithmetic import math_module
from pgolf.untrusted.intrinsics.calls import (
    Args,
    Call,
    Kwargs,
    NativeMethod,
    first_unknown,
    functions,
    items_of,
    none,
    unknown,
)
from pgolf.untrusted.intrinsics.commands import (
    at_exit,
    decorator,
    exit_script,
    first,
    on_signal,
    option,
    parser,
    process,
    spawn,
)
from pgolf.untrusted.intrinsics.containers import copy_value, counter, defaultdict, deque
from pgolf.untrusted.intrinsics.files import (
    copy_file,
    glob,
    is_file,
    is_folder,
    make_path,
    path_exists,
    path_object,
    path_text,
    remove,
    rename,
    shard_size,
    stream_kind,
    writes,
)
from pgolf.untrusted.intrinsics.formats import (
    array_object,
    compiled,
    json_dump,
    json_load,
    json_loads,
    make_template,
    normalize,
    re_call,
    struct_iterate,
    struct_pack,
    struct_size,
    struct_unpack,
)
from pgolf.untrusted.intrinsics.iteration import (
    accumulate,
    chain_items,
    count,
    islice,
    partial,
    product,
    reduce,
)
from pgolf.untrusted.intrinsics.processes import MOST_DEVICES
from pgolf.untrusted.intrinsics.records import (
    asdict,
    dataclass,
    dataclass_field,
    dataclass_replace,
    namedtuple,
    namespace,
    wrapper,
    wraps,
)
from pgolf.untrusted.intrinsics.settings import toy_setting
from pgolf.untrusted.objects import get_item
from pgolf.untrusted.operators import binary, percent_format, raise_in_script, spoil
from pgolf.untrusted.scaled import exactly, of_process
from pgolf.untrusted.tensor import Tensor
from pgolf.untrusted.values import (
    MISSING,
    Function,
    Intrinsic,
    Module,
    NativeClass,
    NativeObject,
    OnProcess,
    Opaque,
    Process,
    ScaledText,
    Value,
)


def environ_get(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """An environment variable has the value that the script gave it. Any other is taken to be unset, so that its default
    counts, and the report says so; but for the few settings that the caller gives (those that the run's log prints)."""
    name = args[0] if args else kwargs.get("key")
    default = args[1] if len(args) > 1 else kwargs.get("default")
    if name is None or isinstance(name, (int, float, bytes, list, tuple, dict)):
        raise raise_in_script("TypeError", "the name of an environment variable is text", line)
    if not isinstance(name, str):
        return Opaque("an environment variable whose name is unknown", line, "config")
    if name == "VOCAB_SIZE" and interp.probe.vocab_size:
        return (
            str(interp.probe.vocab_size)
            if isinstance(default, str) or default is None
            else interp.probe.vocab_size
        )
    if interp.around.environment_spoiled:
        return Opaque(interp.around.environment_spoiled, line, "config")
    own = interp.around.environment_set.get(name)
    if own is not None and own is not MISSING:
        return toy_setting(name, own, interp.other_sizes)
    if len(interp.around.environment) < 2000:
        interp.around.environment[name] = str(default)[:200] if isinstance(default, (str, int, float)) else ""
    given = interp.around.settings.get(name) if own is None else None
    if given is None and own is None and name in _OF_PROCESS:
        return _of_process(interp, name, default, line)
    return toy_setting(name, default if given is None else given, interp.other_sizes)


_OF_PROCESS: dict[str, Process] = {
    "RANK": lambda rank, processes: rank, "LOCAL_RANK": lambda rank, processes: rank,
    "WORLD_SIZE": lambda rank, processes: processes, "LOCAL_WORLD_SIZE": lambda rank, processes: processes,
}  # fmt: skip
"""Environment variables that a launcher gives each process its own of."""


def _of_process(interp: Interp, name: str, default: Value, line: int) -> Value:
    """Such a variable: its default in a run of one process."""
    interp.world.asked = True
    on = _OF_PROCESS[name]
    if interp.world.process is not None:
        number = on(*interp.world.process)
        is_text = isinstance(default, str) or default is None
        return ScaledText.of(str(number), number, number) if is_text else exactly(number)
    text = default if isinstance(default, (str, int)) else None
    number = int(text) if text is not None and re.fullmatch(r"-?\d{1,3}", str(text)) else None
    if number is None:
        return Opaque(f"environment variable {name}", line, "config")
    made = of_process(number, min(number, 0), MOST_DEVICES, on)
    if not isinstance(text, str):
        return made
    written = ScaledText.of(text, made.low, made.high)
    written.on = on
    return written


def environ_set(interp: Interp, name: Value, value: Value, line: int) -> None:
    """`os.environ[name] = value`; `MISSING` deletes."""
    if not isinstance(name, str) or len(interp.around.environment_set) >= 2000:
        interp.around.environment_spoiled = "an environment variable whose name is unknown was set"
        return
    if interp.fresh:
        value = Opaque(f"environment variable {name} set under an unknown condition", line, "config")
    interp.around.environment_set[name] = value


def environ_item(interp: Interp, name: Value, line: int) -> Value:
    """`os.environ[name]`, which no default makes known."""
    own = interp.around.environment_set.get(name) if isinstance(name, str) else None
    if isinstance(name, str) and not interp.around.environment_spoiled:
        if own is not None and own is not MISSING:
            return environ_get(interp, [name], {}, line)
        if len(interp.around.environment) < 2000:
            interp.around.environment[name] = ""
        if own is None and name in _OF_PROCESS and name not in interp.around.settings:
            return _of_process(interp, name, "1" if "SIZE" in name else "0", line)
        return Opaque(f"environment variable {name} without a default", line, "config")
    return Opaque(interp.around.environment_spoiled or "environment variable", line, "config")


def environ_contains(interp: Interp, name: Value, line: int) -> Value:
    """`name in os.environ`."""
    if not isinstance(name, str) or interp.around.environment_spoiled:
        return Opaque("membership in the environment", line, "config")
    own = interp.around.environment_set.get(name)
    if own is None and name in _OF_PROCESS and name not in interp.around.settings:
        interp.world.asked = True
        if interp.world.process is not None:
            return True
        return OnProcess(f"whether {name} is set", line, lambda rank, processes: processes > 1)
    return own is not MISSING if own is not None else name in interp.around.settings


def _environ_setdefault(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    value = args[1] if len(args) > 1 else None
    if args and environ_contains(interp, args[0], line) is False:
        environ_set(interp, args[0], value, line)
    return environ_get(interp, [args[0], value] if args else [], {}, line)


def _environ_pop(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    found = environ_get(interp, args, kwargs, line) if len(args) > 1 else environ_item(interp, args[0], line)
    environ_set(interp, args[0], MISSING, line)
    return found


def _environ_update(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    for source in (*args[:1], kwargs):
        if isinstance(source, dict):
            for name, value in source.items():
                environ_set(interp, name, value, line)
        elif not (isinstance(source, NativeObject) and source.kind == "environ"):
            interp.around.environment_spoiled = "the environment was updated with something unknown"
    return None


def _environ_clear(interp: Interp, target: NativeObject, args: Args, kwargs: Kwargs, line: int) -> Value:
    interp.around.environment_spoiled = "the environment was cleared"
    return None


ENVIRON_METHODS: dict[str, NativeMethod] = {
    "get": lambda i, t, a, k, ln: environ_get(i, a, k, ln),
    "setdefault": _environ_setdefault,
    "pop": _environ_pop,
    "copy": lambda i, t, a, k, ln: Opaque("a copy of the environment", ln, "config"),
    "update": _environ_update,
    "clear": _environ_clear,
    "items": lambda i, t, a, k, ln: Opaque("the whole environment", ln, "config"),
}


def _absolute(text: str) -> str:
    """`os.path.abspath`: a relative path stays one, since the folder of a run is not known."""
    return posixpath.normpath(text) if text.startswith("/") else text


def os_module() -> Module:
    module = Module("os", lambda name: Opaque(f"os.{name}", 0, "config"))
    functions(
        module,
        {
            "getenv": environ_get, "makedirs": none, "mkdir": none, "remove": remove, "unlink": remove, "listdir": unknown("files"),
            "getcwd": lambda i, a, k, ln: ".", "cpu_count": unknown("number of processors"), "getpid": unknown("number of the process"),
            "chdir": none,
            "fspath": lambda i, a, k, ln: path_text(a[0]) or Opaque("path", ln), "putenv": none,
            "_exit": none, "replace": rename, "rename": rename, "fsync": none, "link": copy_file, "symlink": copy_file,
        },
    )  # fmt: skip
    module.attributes["environ"] = NativeObject("environ", ENVIRON_METHODS, {})
    module.attributes.update(sep="/", linesep="\n", name="posix")
    path = Module("os.path", lambda name: Opaque(f"os.path.{name}", 0, "config"))

    def text_call(f: Callable[[str], Value]) -> Call:
        def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
            text = path_text(args[0])
            return f(text) if text is not None else first_unknown(args) or Opaque("path", line)

        return run

    def exists(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        text = path_text(args[0])
        if text is None:
            return Opaque("path", line, "config")
        return bool(text) and path_exists(interp, path_object(text), [], {}, line)

    def asks(question: NativeMethod) -> Call:
        def run(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
            text = path_text(args[0])
            if text is None:
                return Opaque("path", line, "config")
            return bool(text) and question(interp, path_object(text), [], {}, line)

        return run

    def size(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        text = path_text(args[0])
        if text is not None and stream_kind(text) is not None and interp.probe.stream:
            return shard_size(interp, line)
        return Opaque("file size", line, "config")

    def join(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
        parts = [path_text(a) for a in args]
        if not parts or any(p is None for p in parts):
            return first_unknown(args) or Opaque("path from something that is no text", line)
        if sum(len(p or "") for p in parts) > 8192:
            raise LimitTripped("string_chars", 8192, "path")
        return posixpath.join(*[p for p in parts if p is not None])

    functions(
        path,
        {
            "join": join, "exists": exists, "isfile": asks(is_file), "isdir": asks(is_folder), "getsize": size,
            "basename": text_call(posixpath.basename), "dirname": text_call(posixpath.dirname),
            "split": text_call(posixpath.split), "isabs": text_call(posixpath.isabs),
            "abspath": text_call(_absolute), "realpath": text_call(lambda s: s), "expanduser": text_call(lambda s: s),
            "normpath": text_call(posixpath.normpath), "splitext": text_call(posixpath.splitext),
        },
    )  # fmt: skip
    module.attributes["path"] = path
    return module


def _log(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """A line of a log: what it shows is reported to the observer."""
    if len(args) > 1 and isinstance(args[0], str):
        percent_format(interp, args[0], tuple(args[1:]), line)
    return None


def _shuffle(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    for value in args[:1]:
        spoil(value, "shuffled", line)
    return None


def _null_context(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    entered = args[0] if args else kwargs.get("enter_result")
    methods: dict[str, NativeMethod] = {
        "__enter__": lambda i, t, a, k, ln: entered,
        "__exit__": lambda i, t, a, k, ln: None,
    }
    return NativeObject("nullcontext", methods)


def _context_manager(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """A function that is made a context manager: its body is not followed, and neither is what it may change."""
    made = args[0] if args else None
    if isinstance(made, Function):
        interp.hand_on(made, line)

    def enter(i: Interp, a: Args, k: Kwargs, ln: int) -> Value:
        if isinstance(made, Function):
            from pgolf.untrusted.changes import spoil_reachable

            spoil_reachable(made.frame, made.code.node, "changed in a context manager", ln)
        return Opaque("context manager", ln)

    return Intrinsic("contextmanager", enter)


def standard_modules(interp: Interp) -> dict[str, Module]:
    """The modelled part of the standard library; everything else there is an unknown module."""
    from pgolf.untrusted.intrinsics.decoders import decoder_modules

    out: dict[str, Module] = {"os": os_module(), "math": math_module()}
    out["os.path"] = out["os"].attributes["path"]
    table: dict[str, dict[str, Call]] = {
        "glob": {"glob": glob, "iglob": glob, "escape": lambda i, a, k, ln: a[0]},
        "json": {"loads": json_loads, "load": json_load, "dumps": json_dump, "dump": json_dump},
        "functools": {"partial": partial, "reduce": reduce, "lru_cache": wrapper, "cache": wrapper, "wraps": wraps},
        "itertools": {
            "chain": chain_items, "product": product, "islice": islice, "accumulate": accumulate, "count": count,
            "repeat": lambda i, a, k, ln: i.iterator([a[0]] * a[1]) if len(a) > 1 and isinstance(a[1], int) and a[1] < 1_000_000 else Opaque("repeat()", ln),  # noqa: E501
            "cycle": unknown("cycle()"),
        },
        "collections": {"defaultdict": defaultdict, "OrderedDict": lambda i, a, k, ln: defaultdict(i, [None, *a], k, ln),
                        "Counter": counter, "deque": deque, "namedtuple": namedtuple},
        "dataclasses": {"dataclass": dataclass, "field": dataclass_field, "asdict": asdict, "fields": unknown("fields()"),
                        "replace": dataclass_replace},
        "argparse": {"ArgumentParser": parser,
                     "Namespace": namespace},
        "types": {"SimpleNamespace": namespace, "ModuleType": lambda i, a, k, ln: Module(str(a[0]) if a else "module"),
                  "MethodType": lambda i, a, k, ln: partial(i, a[:2], {}, ln)},
        "re": {**{n: re_call(n) for n in ("match", "search", "fullmatch", "sub", "findall", "split")},
               "compile": compiled},
        "time": {n: unknown("clock") for n in ("time", "perf_counter", "monotonic", "process_time", "time_ns", "strftime")},
        "random": {n: unknown("random numbers") for n in ("random", "randint", "sample", "choice", "uniform")} | {"shuffle": _shuffle},
        "copy": {"copy": lambda i, a, k, ln: a[0] if not isinstance(a[0], (list, dict, Tensor)) else copy_value(i, a[0], ln),
                 "deepcopy": lambda i, a, k, ln: copy_value(i, a[0], ln)},
        "contextlib": {"nullcontext": _null_context, "suppress": lambda i, a, k, ln: NativeObject("suppress", {}, tuple(a)),
                       "contextmanager": _context_manager},
        "pickle": {"dump": writes(1)},
        "shutil": {**dict.fromkeys(("copy", "copyfile", "copy2"), copy_file), "move": rename, "rmtree": none},
        "tempfile": {"mkdtemp": lambda i, a, k, ln: "/tmp/made", "gettempdir": lambda i, a, k, ln: "/tmp"},  # noqa: S108 - names in the evaluation
        "uuid": {"uuid4": unknown("uuid", "text")},
        "struct": {"unpack": struct_unpack, "calcsize": struct_size, "pack": struct_pack, "iter_unpack": struct_iterate},
        "array": {"array": array_object},
        "enum": {"auto": lambda i, a, k, ln: NativeObject("auto", {})},
        "asyncio": {"run": lambda i, a, k, ln: a[0] if a else None, "gather": lambda i, a, k, ln: i.made(list(a)),
                    "create_task": lambda i, a, k, ln: a[0] if a else None, "sleep": none},
        "multiprocessing": {"Process": process, "set_start_method": none, "cpu_count": unknown("number of processors")},
        "torch.multiprocessing": {"spawn": spawn, "Process": process, "set_start_method": none, "start_processes": spawn},
        "click": {"command": decorator, "option": option, "argument": option, "group": decorator, "pass_context": decorator,
                  "echo": lambda i, a, k, ln: i.call(i.builtins["print"], a, {}, ln)},
        "fire": {"Fire": lambda i, a, k, ln: i.call(a[0], [], {}, ln) if a and isinstance(a[0], Function) else Opaque("Fire()", ln)},
        "typer": {"run": lambda i, a, k, ln: i.call(a[0], [], {}, ln) if a else None, "Option": first, "Argument": first},
        "operator": {"itemgetter": _itemgetter, "add": lambda i, a, k, ln: binary(i, "Add", a[0], a[1], ln)},
        "bisect": {n: unknown(n) for n in ("bisect_left", "bisect_right")},
        "heapq": {"nlargest": unknown("nlargest")},
        "warnings": dict.fromkeys(("warn", "filterwarnings", "simplefilter"), none),
        "gc": dict.fromkeys(("collect", "freeze", "disable", "enable"), none),
        "atexit": {"register": at_exit}, "signal": {"signal": on_signal, "alarm": none},
        "unicodedata": {"normalize": normalize, "category": unknown("category")},
        "logging": {**dict.fromkeys(("info", "warning", "debug", "error"), _log), "basicConfig": none},
    }  # fmt: skip
    for name, calls in table.items():
        out[name] = functions(Module(name, _unmodelled(name)), calls)
    chain = out["itertools"].attributes["chain"]
    from_iterable = Module("itertools.chain")
    from_iterable.attributes["from_iterable"] = Intrinsic(
        "chain.from_iterable", lambda i, a, k, ln: chain_items(i, items_of(i, a[0], ln), {}, ln)
    )
    out["itertools"].attributes["chain"] = NativeClass("chain", chain.call)
    out["itertools"].attributes["chain"].attributes.update(from_iterable.attributes)
    pathlib = Module("pathlib", _unmodelled("pathlib"))
    path_class = NativeClass("Path", make_path)
    path_class.attributes["cwd"] = Intrinsic("Path.cwd", lambda i, a, k, ln: path_object("."))
    path_class.attributes["home"] = Intrinsic("Path.home", lambda i, a, k, ln: path_object("~"))
    pathlib.attributes.update(Path=path_class, PosixPath=path_class, PurePath=path_class)
    out["pathlib"] = pathlib
    system = Module("sys", _unmodelled("sys"))
    config = {
        name: Opaque(f"sys.{name}", 0, "config")
        for name in ("version", "executable", "stdout", "stderr", "flags")
    }
    system.attributes.update(
        config, argv=interp.made([Opaque("name of the script", 0, "config")]), platform="linux", maxsize=2**63 - 1,
        version_info=(3, 12, 0, "final", 0), byteorder="little", path=interp.made(["."]),
        exit=Intrinsic("sys.exit", exit_script), modules=interp.made({}),
        setrecursionlimit=Intrinsic("sys.setrecursionlimit", none),
    )  # fmt: skip
    out["sys"] = system
    texts = Module("string", _unmodelled("string"))
    texts.attributes["Template"] = NativeClass("Template", make_template)
    out["string"] = texts
    typing = Module("typing", lambda name: NativeClass(name, lambda i, a, k, ln: a[-1] if a else None))
    out["typing"] = out["typing_extensions"] = out["collections.abc"] = typing
    out.update(decoder_modules())
    return out


def _itemgetter(interp: Interp, args: Args, kwargs: Kwargs, line: int) -> Value:
    """`operator.itemgetter(*places)`."""
    places = list(args)

    def get(it: Interp, given: Args, named: Kwargs, ln: int) -> Value:
        found = [get_item(it, given[0], place, "", ln) for place in places]
        return found[0] if len(found) == 1 else tuple(found)

    return Intrinsic("itemgetter()", get)


def _unmodelled(name: str) -> Callable[[str], Value]:
    return lambda attribute: Opaque(f"{name}.{attribute} is not modelled", 0, "external")
