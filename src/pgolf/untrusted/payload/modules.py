"""Modules and attributes: what an import gives, what the outside world's names stand for, environment variables."""

from __future__ import annotations

import ast
import posixpath
import string
from typing import Any

from pgolf.untrusted import codecs
from pgolf.untrusted.payload.files import parent_folders
from pgolf.untrusted.payload.texts import Texts
from pgolf.untrusted.payload.values import (
    Bound,
    ClassValue,
    File,
    Function,
    Host,
    Instance,
    Module,
    Partial,
    PathParents,
    PathValue,
    Scope,
    Spec,
    Unknown,
    words,
)

_BUILTINS = words(
    """exec eval compile open __import__ getattr setattr hasattr delattr globals locals vars print len range enumerate zip
    map filter reversed sorted sum min max abs any all divmod pow hex bin oct chr ord int str bytes bytearray float bool list
    tuple dict set frozenset iter next repr format isinstance issubclass callable type object super slice memoryview input
    exit quit id hash round staticmethod classmethod property ascii breakpoint help dir complex"""
)


class Modules(Texts):
    """Names of modules, classes and the environment."""

    def lookup(self, name: str, scope: Scope) -> Any:
        where: Scope | None = scope.module if name in scope.global_names else scope
        while where is not None:
            if name in where.names and not (where.is_class and where is not scope):
                return self.checked(where.names[name]) if self.poison is None else self.poison
            where = where.parent
        full = f"builtins.{name}"
        if full in self.overrides:
            return self.overrides[full]
        if name in _BUILTINS:
            return Host(full)
        if name == "__builtins__":
            return Host("builtins")
        return self.unknown(f"the name {name[:60]} has no value here")

    def import_module(self, name: str, node: ast.AST) -> Any:
        """What `import name` gives: a module the wrapper made, one it wrote to a file, a sibling, or the outside world."""
        if name in self.modules:
            return self.modules[name]
        relative = name.replace(".", "/")
        for base in [*self.sys_path, self.folder]:
            if not isinstance(base, str):
                continue
            for tail in (".py", "/__init__.py"):
                path = self.absolute(posixpath.join(base, relative + tail))
                if path in self.written:
                    module = Module(name, {"__name__": name, "__file__": path}, path)
                    self.modules[name] = module
                    self.execute(self.written[path], "import", node, module.names, name, path)
                    return module
        for tail in (".py", "/__init__.py"):
            candidate = posixpath.normpath(relative + tail)
            if candidate == self.script.name:
                continue
            data = self.script.siblings.read(candidate)
            if data is not None:
                return self.sibling_module(name, candidate, data)
        self.doubts += 1  # it may not be installed
        return Host(name)

    def sibling_module(self, name: str, file_name: str, data: bytes) -> Any:
        """A plain module beside the script, read for the constants that a wrapper may take from it."""
        module = Module(
            name, {"__name__": name, "__file__": posixpath.join(self.folder, file_name)}, file_name
        )
        self.modules[name] = module
        tree = self.parse(data) if len(data) <= self.limits.source_bytes else "too large"
        if isinstance(tree, str):
            return self.unknown(f"the sibling {file_name}: {tree}")
        scope = Scope(module.names)
        self.run_module(tree, scope, note_statements=False)
        return module

    def attribute(self, owner: Any, name: str) -> Any:
        if isinstance(owner, Unknown):
            return owner
        if isinstance(owner, Host):
            return self.host_attribute(owner, name)
        if isinstance(owner, Module):
            if name == "__dict__":
                return owner.names
            return self.checked(
                owner.names.get(name, self.unknown(f"{owner.name}.{name} has no known value"))
            )
        if isinstance(owner, (Instance, ClassValue)) and name == "__dict__":
            return owner.names
        if isinstance(owner, Instance):
            if name in owner.names:
                return owner.names[name]
            method = owner.kind.names.get(name)
            if isinstance(method, Function):
                return Partial(method, (owner,), {})
            return method if method is not None else self.unknown(f"the attribute {name}")
        if isinstance(owner, ClassValue):
            if name in owner.names:
                return owner.names[name]
            return owner.name if name == "__name__" else self.unknown(f"the attribute {name}")
        if isinstance(owner, PathValue):
            return self.path_attribute(owner, name)
        if isinstance(owner, Spec):
            return owner if name == "loader" else Bound(owner, name)
        if isinstance(owner, File) and name == "name":
            return owner.path
        if isinstance(owner, Function):
            if name in ("__name__", "__qualname__"):
                return owner.name
            if name == "__doc__" and not isinstance(owner.node, ast.Lambda):
                return ast.get_docstring(owner.node, clean=False)
            return (
                owner.scope.module.names
                if name == "__globals__"
                else self.unknown(f"the attribute {name} of a function")
            )
        return Bound(owner, name)

    def host_attribute(self, owner: Host, name: str) -> Any:
        full = f"{owner.name}.{name}"
        if full in self.overrides:
            return self.overrides[full]
        if owner.name == "lzma" or owner.name == "compression.lzma":
            number = codecs.lzma_constant(name)
        elif owner.name in ("zlib", "compression.zlib"):
            number = codecs.zlib_constant(name)
        else:
            number = None
        if number is not None:
            return number
        if full == "sys.argv":
            return self.argv
        if full == "sys.path":
            return self.sys_path
        if (
            owner.name == "string"
            and isinstance(getattr(string, name, None), str)
            and not name.startswith("_")
        ):
            return getattr(string, name)
        if full in ("os.sep", "os.path.sep", "posixpath.sep"):
            return "/"
        if full in ("os.linesep",):
            return "\n"
        if full == "sys.executable":
            return "/usr/bin/python3"
        return Host(full)

    def item(self, owner: Any, key: Any) -> Any:
        if isinstance(owner, Unknown):
            return owner
        if isinstance(owner, Host):
            return self.host_item(owner, key)
        if isinstance(key, Unknown):
            return key
        if isinstance(owner, PathParents) and isinstance(key, int):
            parents = parent_folders(owner.text)
            return (
                PathValue(parents[key])
                if -len(parents) <= key < len(parents)
                else self.unknown("no such parent folder")
            )
        if isinstance(owner, (str, bytes, bytearray, list, tuple, dict, range)):
            try:
                if isinstance(key, slice) and not isinstance(owner, (dict, range)):
                    self.grow(len(owner))
                made = owner[key]
            except (IndexError, KeyError, TypeError, ValueError):
                return self.unknown("an item that does not exist")
            return self.track(made, owner) if isinstance(owner, (str, bytes)) else self.checked(made)
        return self.unknown("an item of a value that was not followed")

    def host_item(self, owner: Host, key: Any) -> Any:
        if owner.name == "os.environ" and isinstance(key, str):
            return self.environment.get(key, self.unknown(f"the environment variable {key} has no default"))
        if owner.name == "sys.modules" and isinstance(key, str):
            return self.import_module(key, ast.Pass())
        if isinstance(key, str) and owner.name.endswith(".__dict__"):
            return self.attribute(Host(owner.name.removesuffix(".__dict__")), key)
        if isinstance(key, str) and owner.name == "builtins":
            return self.attribute(owner, key)
        return self.unknown(f"an item of {owner.name}")

    def store_item(self, owner: Any, key: Any, value: Any) -> None:
        if isinstance(owner, (Host, Unknown)) and owner != Host("linecache.cache"):
            self.affect()
        if isinstance(owner, Host) and owner.name == "os.environ":
            if isinstance(key, str):
                self.put(self.environment, key, value)
            else:
                self.environment_spoiled = True
        elif isinstance(owner, Host) and owner.name == "sys.modules":
            if isinstance(key, str):
                self.put(self.modules, key, value)
            else:
                self.poison = self.unknown("a module is replaced under a name that was not followed")
        elif isinstance(owner, Host) and owner.name == "builtins.__dict__":
            self.put(self.overrides, f"builtins.{key}", value)
        elif owner is self.main.names and isinstance(key, str):
            self.made += 1
            self.put(owner, key, value)
        elif isinstance(owner, (dict, list, bytearray)):
            self.mutate(owner)
            if isinstance(key, Unknown) or (
                isinstance(owner, bytearray) and not isinstance(value, (int, bytes))
            ):
                self.taint(owner)
                return
            self.made += not isinstance(value, Unknown)
            if isinstance(key, slice) and isinstance(value, (list, tuple, str, bytes, bytearray, range)):
                self.grow(8 * (len(owner) + len(value)))
            try:
                owner[key] = value
            except (TypeError, ValueError, IndexError, KeyError):
                self.taint(owner)

    def store_attribute(self, owner: Any, name: str, value: Any) -> None:
        if isinstance(owner, (Module, Instance, ClassValue)):
            self.put(owner.names, name, value)
        elif isinstance(owner, Unknown):
            self.affect()
        elif isinstance(owner, Host):
            full = f"{owner.name}.{name}"
            if full != "sys.argv":
                self.affect()
            self.put(self.overrides, full, value)
            if full == "sys.argv" and isinstance(value, list):
                self.argv = value

    def environ(self, name: str, args: list[Any]) -> Any:
        if not args or not isinstance(args[0], str):
            return self.unknown("an environment variable")
        value = self.environment.get(args[0], args[1] if len(args) > 1 else None)
        if name.endswith("setdefault"):
            self.affect()
            if args[0] not in self.environment:
                self.put(self.environment, args[0], value)
        return value
