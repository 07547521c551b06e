"""A frozen dataclass that costs nothing to import.

`dataclasses` pulls in `inspect`, `ast` and `re`: more than twice the start of a bare interpreter, which an
agent's hook pays before every single command. Type checkers see the real decorator; at run time a class gets
the same `__init__`, equality, hash, `repr` and immutability from its annotations. Only what the values here
need: plain defaults, no inheritance of fields, no `field()`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(*, frozen, slots):
        """Stand-in for `dataclasses.dataclass(frozen=True, slots=True)`."""
        if not (frozen and slots):
            raise TypeError("values are frozen and slotted")
        return _freeze

    def _freeze(cls):
        names = tuple(getattr(cls, "__annotations__", ()))
        defaults = {name: cls.__dict__[name] for name in names if name in cls.__dict__}

        def __init__(self, *args, **kwargs):  # noqa: N807
            if len(args) > len(names):
                raise TypeError(f"{cls.__name__} takes {len(names)} values, got {len(args)}")
            given = dict(zip(names, args, strict=False))
            for key, value in kwargs.items():
                if key not in names or key in given:
                    raise TypeError(f"{cls.__name__} has no free field {key!r}")
                given[key] = value
            for name in names:
                if name not in given:
                    if name not in defaults:
                        raise TypeError(f"{cls.__name__} needs {name!r}")
                    given[name] = defaults[name]
                object.__setattr__(self, name, given[name])

        def __setattr__(self, name, value):  # noqa: N807
            raise AttributeError(f"{cls.__name__} is frozen: cannot assign {name!r}")

        def values(self):
            return tuple(getattr(self, name) for name in names)

        def __eq__(self, other):  # noqa: N807
            return values(self) == values(other) if type(other) is type(self) else NotImplemented

        def __hash__(self):  # noqa: N807
            return hash(values(self))

        def __repr__(self):  # noqa: N807
            fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
            return f"{cls.__name__}({fields})"

        body = {k: v for k, v in cls.__dict__.items() if k not in ("__dict__", "__weakref__", *defaults)}
        body.update(
            __slots__=names,
            __match_args__=names,
            __init__=__init__,
            __setattr__=__setattr__,
            __delattr__=__setattr__,
            __eq__=__eq__,
            __hash__=__hash__,
            __repr__=__repr__,
        )
        return type(cls)(cls.__name__, cls.__bases__, body)


__all__ = ["dataclass"]
