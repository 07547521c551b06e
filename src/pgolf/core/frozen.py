"""Data classes that cost nothing to import: the part of `dataclasses` that this program uses.

`dataclasses` pulls in `inspect`, `ast` and `re`, and compiles source for every class: more than twice the start of a
bare interpreter, which an agent's hook would pay before its commands. Type checkers see the real decorator; at run
time a class gets the same `__init__`, equality, hash, `repr` and (when frozen) immutability from its annotations.
Only what the values here need: plain defaults, `field(default_factory=…)`, slots, no inheritance of fields.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass, field
else:

    class _Fields:
        """`__dataclass_fields__`, made only when `dataclasses.replace`, `asdict` or `fields` asks for it."""

        def __get__(self, instance, owner):
            import dataclasses

            known = owner._defaults
            specifications = []
            for name in owner.__match_args__:
                given = known.get(name, dataclasses.MISSING)
                if isinstance(given, _Factory):
                    specifications.append((name, object, dataclasses.field(default_factory=given.make)))
                else:
                    specifications.append((name, object, dataclasses.field(default=given)))
            return dataclasses.make_dataclass(owner.__name__, specifications).__dataclass_fields__

    class _Factory:
        __slots__ = ("make",)

        def __init__(self, make):
            self.make = make

    def field(*, default_factory):
        """A default that is made anew for every instance."""
        return _Factory(default_factory)

    def dataclass(*, frozen=False, slots):
        """Stand-in for `dataclasses.dataclass(frozen=…, slots=True)`."""
        if not slots:
            raise TypeError("values are slotted")
        return _freeze if frozen else _build

    def _freeze(cls):
        def __setattr__(self, name, value):  # noqa: N807
            raise AttributeError(f"{cls.__name__} is frozen: cannot assign {name!r}")

        def __hash__(self):  # noqa: N807
            return hash(tuple(getattr(self, name) for name in self.__slots__))

        return _build(cls, __setattr__=__setattr__, __delattr__=__setattr__, __hash__=__hash__)

    def _build(cls, **extra):
        names = tuple(getattr(cls, "__annotations__", ()))
        defaults = {name: cls.__dict__[name] for name in names if name in cls.__dict__}
        assign = object.__setattr__

        def __init__(self, *args, **kwargs):  # noqa: N807
            if len(args) > len(names):
                raise TypeError(f"{cls.__name__} takes {len(names)} values, got {len(args)}")
            given = dict(zip(names, args, strict=False))
            for key, value in kwargs.items():
                if key not in names or key in given:
                    raise TypeError(f"{cls.__name__} has no free field {key!r}")
                given[key] = value
            for name in names:
                if name in given:
                    value = given[name]
                elif name in defaults:
                    value = defaults[name]
                    if isinstance(value, _Factory):
                        value = value.make()
                else:
                    raise TypeError(f"{cls.__name__} needs {name!r}")
                assign(self, name, value)

        def values(self):
            return tuple(getattr(self, name) for name in names)

        def __eq__(self, other):  # noqa: N807
            return values(self) == values(other) if type(other) is type(self) else NotImplemented

        def __repr__(self):  # noqa: N807
            shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
            return f"{cls.__name__}({shown})"

        def __getstate__(self):  # noqa: N807
            return values(self)

        def __setstate__(self, state):  # noqa: N807
            for name, value in zip(names, state, strict=True):
                assign(self, name, value)

        body = {k: v for k, v in cls.__dict__.items() if k not in ("__dict__", "__weakref__", *defaults)}
        body.update(
            __slots__=names,
            __match_args__=names,
            __init__=__init__,
            __eq__=__eq__,
            __hash__=None,
            __repr__=__repr__,
            __getstate__=__getstate__,
            __setstate__=__setstate__,
            __dataclass_fields__=_Fields(),
            _defaults=defaults,
        )
        body.update(extra)
        return type(cls)(cls.__name__, cls.__bases__, body)


__all__ = ["dataclass", "field"]
