"""Functions of the outside world that have a meaning for a wrapper, by their full names."""

from __future__ import annotations

import ast
import hashlib
import json
import posixpath
from collections.abc import Callable
from typing import Any

from pgolf.untrusted import codecs
from pgolf.untrusted.payload.executing import Executing
from pgolf.untrusted.payload.values import (
    Archive,
    Code,
    Cycle,
    Decompressor,
    File,
    Hash,
    Host,
    Module,
    Partial,
    PathValue,
    Scope,
    Spec,
    Stop,
    Unknown,
)

_HostCall = Callable[[Executing, list[Any], dict[str, Any], ast.AST], Any]


def _argument(args: list[Any], options: dict[str, Any], index: int, name: str, default: Any = None) -> Any:
    return args[index] if len(args) > index else options.get(name, default)


def _exec(
    state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST, how: str = "builtins.exec"
) -> Any:
    names = _argument(args, options, 1, "globals")
    if names is None:
        names = state.main.names
    local = _argument(args, options, 2, "locals")
    if isinstance(names, Unknown):
        names = {}
    if isinstance(names, Host) and names.name.endswith("__main__.__dict__"):
        names = state.main.names
    if not isinstance(names, dict):
        names = {}
    if isinstance(local, dict) and local is not names and names is state.main.names:
        names = local
    return state.run_text(how, args[0] if args else None, names, node, None)


def _eval(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    return _exec(state, args, options, node, "builtins.eval")


def _compile(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    source = _argument(args, options, 0, "source")
    filename = _argument(args, options, 1, "filename", "")
    mode = _argument(args, options, 2, "mode", "exec")
    return Code(
        source, filename if isinstance(filename, str) else "", mode if isinstance(mode, str) else "exec"
    )


def _import(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    name = _argument(args, options, 0, "name")
    if not isinstance(name, str):
        return (
            name if isinstance(name, Unknown) else state.unknown("an import by a name that was not followed")
        )
    whole = isinstance(node, ast.Call) and any(k.arg == "fromlist" for k in node.keywords)
    return state.import_module(name if whole or "." not in name else name.partition(".")[0], node)


def _import_module(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    name = _argument(args, options, 0, "name")
    return (
        state.import_module(name, node)
        if isinstance(name, str)
        else state.unknown("an import by an unknown name")
    )


def _run_path(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    where = _argument(args, options, 0, "path_name")
    run_name = _argument(args, options, 2, "run_name", "<run_path>")
    path = state.path_text(where)
    data = state.read_path(path) if path is not None else where
    given = _argument(args, options, 1, "init_globals")
    names: dict[str, Any] = dict(given) if isinstance(given, dict) else {}
    names["__name__"] = run_name if isinstance(run_name, str) else "<run_path>"
    state.execute(data, "runpy.run_path", node, names, names["__name__"], path or "")
    return names


def _run_module(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    name = _argument(args, options, 0, "mod_name")
    if not isinstance(name, str):
        state.execute(
            state.unknown("a module name that was not followed"), "runpy.run_module", node, {}, "", ""
        )
        return state.unknown("run_module")
    run_name = _argument(args, options, 2, "run_name", name)
    for tail in (".py", "/__main__.py"):
        for base in [*state.sys_path, state.folder]:
            path = posixpath.join(base, name.replace(".", "/") + tail) if isinstance(base, str) else ""
            data = state.read_path(path) if path else None
            if isinstance(data, (str, bytes)):
                names: dict[str, Any] = {"__name__": run_name if isinstance(run_name, str) else name}
                state.execute(data, "runpy.run_module", node, names, names["__name__"], path)
                return names
    missing = Unknown(f"the module {name[:80]} is not beside the script", state.line, f"\0file:{name}")
    state.execute(missing, "runpy.run_module", node, {}, "", "")
    return state.unknown("run_module")


def _spec(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    name = _argument(args, options, 0, "name")
    location = _argument(args, options, 1, "location", _argument(args, options, 1, "path"))
    return Spec(name if isinstance(name, str) else "", location)


def _spec_loader(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    loader = _argument(args, options, 1, "loader")
    return loader if isinstance(loader, Spec) else state.unknown("a loader that was not followed")


def _module_from_spec(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    spec = _argument(args, options, 0, "spec")
    if not isinstance(spec, Spec):
        return state.unknown("a module from a spec that was not followed")
    path = state.path_text(spec.path) or ""
    return Module(spec.name, {"__name__": spec.name, "__file__": path}, path)


def _module_type(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    name = _argument(args, options, 0, "name")
    text = name if isinstance(name, str) else ""
    return Module(text, {"__name__": text})


def _function_type(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    code, names = _argument(args, options, 0, "code"), _argument(args, options, 1, "globals")
    if not isinstance(code, Code):
        state.report_unfollowed(code, "types.FunctionType", node, {})
        return state.unknown("a function made from a code object")
    return Partial(Host("builtins.exec"), (code, names if isinstance(names, dict) else {}), {})


def _path(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    parts = [state.path_text(each) for each in args]
    if wrong := next((each for each in args if isinstance(each, Unknown)), None):
        return wrong
    if any(part is None for part in parts):
        return state.unknown("a path that was not followed")
    return PathValue(posixpath.join(*[part or "" for part in parts]) if parts else ".")


def _cwd(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    return PathValue(state.folder)


def _named_temporary(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    mode = _argument(args, options, 0, "mode", "w+b")
    path = state.temporary("tempfile.mktemp", options)
    text = isinstance(mode, str) and "b" not in mode
    state.write_path(path, "" if text else b"")
    return File(path, "" if text else b"", text, True)


def _temporary_directory(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    return state.temporary("tempfile.mkdtemp", {})


def _fdopen(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    number = _argument(args, options, 0, "fd")
    path = state.descriptors.get(number) if isinstance(number, int) else None
    return state.unknown("a file descriptor") if path is None else state.open_file([path, *args[1:]], options)


def _bytes_io(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    data = _argument(args, options, 0, "initial_bytes", b"")
    return File("", data, isinstance(data, str), True, sought=bool(data))


def _string_io(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    data = _argument(args, options, 0, "initial_value", "")
    return File("", data, True, True, sought=bool(data))


def _zip_file(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    data = state.contents(_argument(args, options, 0, "file"))
    return Archive(data, "") if isinstance(data, bytes) else state.unknown("an archive that was not followed")


def _open_packed(dotted: str) -> _HostCall:
    def opened(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
        data = state.contents(args[0] if args else options.get("filename", options.get("fileobj")))
        mode = _argument(args, options, 1, "mode", "rb")
        made = state.decode(dotted, [data], {k: v for k, v in options.items() if k in ("format", "filters")})
        text = isinstance(mode, str) and "t" in mode
        return File("", state.as_text(made) if text else made, text, False)

    return opened


def _decompressor(dotted: str) -> _HostCall:
    def made(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
        named = dict(options)
        if dotted == "lzma.decompress":
            named |= dict(zip(("format", "memlimit", "filters"), args, strict=False))
        elif dotted == "zlib.decompress":
            named = {"wbits": args[0]} if args else {k: v for k, v in options.items() if k == "wbits"}
        else:
            named = {}
        return Decompressor(dotted, named)

    return made


def _codecs_decode(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    data, encoding = _argument(args, options, 0, "obj"), _argument(args, options, 1, "encoding", "utf-8")
    if isinstance(data, Unknown) or not isinstance(encoding, str):
        return data if isinstance(data, Unknown) else state.unknown("codecs.decode")
    name = codecs.transform_name(encoding)
    if name is None:
        return state.track(codecs.decode_text(bytes(data), encoding, "strict", state.limits), data)
    raw = data.encode("utf-8") if isinstance(data, str) else bytes(data)
    state.track(raw, data)
    codec, made = codecs.decode_transform(raw, encoding, state.limits)
    state.decoded(codec, raw, made)
    return state.track(made.decode("utf-8"), made) if codec == "rot13" else made


def _json_load(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    file = _argument(args, options, 0, "fp")
    return _json_loads(state, [state.contents(file) if isinstance(file, File) else file], {}, node)


def _json_loads(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    data = _argument(args, options, 0, "s")
    if not isinstance(data, (str, bytes)):
        return data if isinstance(data, Unknown) else state.unknown("json")
    state.grow(8 * len(data))
    made = json.loads(data)

    def walk(value: Any) -> None:
        state.tick()
        if isinstance(value, str):
            state.track(value, data)
        elif isinstance(value, list):
            for each in value:
                walk(each)
        elif isinstance(value, dict):
            for each in value.values():
                walk(each)

    walk(made)
    return made


def _literal_eval(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    text = args[0] if args else None
    if not isinstance(text, str):
        return text if isinstance(text, Unknown) else state.unknown("literal_eval")
    tree = state.parse(text.strip())
    if isinstance(tree, str) or len(tree.body) != 1 or not isinstance(tree.body[0], ast.Expr):
        return state.unknown("literal_eval of a text that is no expression")
    if any(isinstance(each, (ast.Call, ast.Name, ast.Attribute)) for each in ast.walk(tree)):
        return state.unknown("literal_eval of more than a literal")
    return state.value(tree.body[0].value, Scope({}))


def _partial(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    return Partial(args[0], tuple(args[1:]), options)


def _reduce(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    items = state.iterate(args[1])
    if items is None:
        return state.unknown("reduce over something that was not followed")
    listed = list(items)
    value = args[2] if len(args) > 2 else listed.pop(0)
    for each in listed:
        value = state.call(args[0], [value, each], {}, node)
    return value


def _operator(kind: type[ast.operator]) -> _HostCall:
    def apply(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
        return state.operate(kind(), args[0], args[1])

    return apply


def _cycle(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    items = state.iterate(args[0])
    return state.unknown("cycle") if items is None else Cycle(tuple(items))


def _chain(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    made: list[Any] = []
    for each in args:
        items = state.iterate(each)
        if items is None:
            return state.unknown("chain")
        made.extend(items)
    return made


def _hash(algorithm: str) -> _HostCall:
    def made(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
        data = args[0] if args else b""
        if not isinstance(data, bytes):
            return state.unknown("a hash of something that was not followed")
        return Hash(hashlib.new(algorithm, data, usedforsecurity=False).digest())

    return made


def _exit(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    raise Stop


def _nothing(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    return None


def _environ_update(state: Executing, args: list[Any], options: dict[str, Any], node: ast.AST) -> Any:
    given = args[0] if args and isinstance(args[0], dict) else {}
    if args and not isinstance(args[0], (dict, Host)):
        state.environment_spoiled = True
    state.affect()
    for name, value in {**given, **options}.items():
        state.put(state.environment, name, value)
    return None


HOST_CALLS: dict[str, _HostCall] = {
    "builtins.exec": _exec,
    "builtins.eval": _eval,
    "builtins.compile": _compile,
    "builtins.__import__": _import,
    "importlib.__import__": _import,
    "importlib.import_module": _import_module,
    "runpy.run_path": _run_path,
    "runpy.run_module": _run_module,
    "importlib.util.spec_from_file_location": _spec,
    "importlib.util.spec_from_loader": _spec_loader,
    "importlib.machinery.SourceFileLoader": _spec,
    "importlib.machinery.ModuleSpec": _spec_loader,
    "imp.load_source": lambda state, args, options, node: state.call_loader(
        Spec(str(args[0]), args[1]), "load_module", [], node
    ),
    "importlib.util.module_from_spec": _module_from_spec,
    "types.ModuleType": _module_type,
    "imp.new_module": _module_type,
    "types.FunctionType": _function_type,
    "types.LambdaType": _function_type,
    "pathlib.Path": _path,
    "pathlib.PurePath": _path,
    "pathlib.PosixPath": _path,
    "pathlib.Path.cwd": _cwd,
    "tempfile.NamedTemporaryFile": _named_temporary,
    "tempfile.TemporaryFile": _named_temporary,
    "tempfile.TemporaryDirectory": _temporary_directory,
    "os.fdopen": _fdopen,
    "io.open": lambda state, args, options, node: state.open_file(args, options),
    "codecs.open": lambda state, args, options, node: state.open_file(args, options),
    "io.BytesIO": _bytes_io,
    "io.StringIO": _string_io,
    "zipfile.ZipFile": _zip_file,
    "lzma.open": _open_packed("lzma.decompress"),
    "lzma.LZMAFile": _open_packed("lzma.decompress"),
    "gzip.open": _open_packed("gzip.decompress"),
    "gzip.GzipFile": _open_packed("gzip.decompress"),
    "bz2.open": _open_packed("bz2.decompress"),
    "bz2.BZ2File": _open_packed("bz2.decompress"),
    "lzma.LZMADecompressor": _decompressor("lzma.decompress"),
    "bz2.BZ2Decompressor": _decompressor("bz2.decompress"),
    "zlib.decompressobj": _decompressor("zlib.decompress"),
    "zstandard.ZstdDecompressor": _decompressor("zstandard.decompress"),
    "compression.zstd.ZstdDecompressor": _decompressor("zstandard.decompress"),
    "codecs.decode": _codecs_decode,
    "json.loads": _json_loads,
    "json.load": _json_load,
    "ast.literal_eval": _literal_eval,
    "functools.partial": _partial,
    "functools.reduce": _reduce,
    "operator.xor": _operator(ast.BitXor),
    "operator.add": _operator(ast.Add),
    "operator.concat": _operator(ast.Add),
    "operator.mod": _operator(ast.Mod),
    "operator.mul": _operator(ast.Mult),
    "operator.sub": _operator(ast.Sub),
    "itertools.cycle": _cycle,
    "itertools.chain": _chain,
    "hashlib.sha256": _hash("sha256"),
    "hashlib.sha1": _hash("sha1"),
    "hashlib.md5": _hash("md5"),
    "hashlib.sha512": _hash("sha512"),
    "sys.exit": _exit,
    "os._exit": _exit,
    "os.environ.update": _environ_update,
    "os.environ.copy": lambda state, args, options, node: dict(state.environment),
    "os.makedirs": _nothing,
    "os.mkdir": _nothing,
    "os.chdir": _nothing,
    "os.unlink": _nothing,
    "os.remove": _nothing,
    "os.chmod": _nothing,
    "sys.path.insert": _nothing,
    "atexit.register": lambda state, args, options, node: (
        state.call(args[0], args[1:], options, node) if args else None
    ),
    "threading.Thread": lambda state, args, options, node: Partial(
        options.get("target"), tuple(options.get("args", ())), {}
    ),
}
