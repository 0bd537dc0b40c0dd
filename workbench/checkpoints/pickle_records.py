"""A stack machine for pickles that describes what is in one, unable to call anything of the file's choice.

Python's own unpickler imports and calls what a file names.  This one has no import at all: it knows the
opcodes of containers, scalars and objects, and a fixed table of *allowed* names.  Any other name a file
asks for becomes an inert :class:`Placeholder` that keeps what the file would have handed it, and is
listed.  Nothing in a file can reach an attribute, a module or a callable outside that table.
"""

from __future__ import annotations

import pickletools
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from refimpl.errors import InputError

Constructor = Callable[..., Any]

_PUSH_ARGUMENT = frozenset(
    (
        "INT",
        "BININT",
        "BININT1",
        "BININT2",
        "LONG",
        "LONG1",
        "LONG4",
        "FLOAT",
        "BINFLOAT",
        "UNICODE",
        "BINUNICODE",
        "SHORT_BINUNICODE",
        "BINUNICODE8",
        "BINBYTES",
        "SHORT_BINBYTES",
        "BINBYTES8",
        "BYTEARRAY8",
    )
)
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_TUPLE_SIZES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_DAMAGE = (ValueError, IndexError, KeyError, TypeError, OverflowError, struct.error)


@dataclass(frozen=True)
class Global:
    """A name the file asks for, inert until a REDUCE hands it arguments (not callable itself)."""

    name: str


@dataclass(eq=False)
class Placeholder:
    """What stands for an object of a class that is not read: its name, its state and its items, unused."""

    name: str
    state: Any = None
    items: list[tuple[Any, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Records:
    """The tree of a pickle, and the names of everything that became a placeholder, sorted."""

    tree: Any
    placeholders: tuple[str, ...]


class _Mark:
    """What MARK pushes."""


_MARK = _Mark()


def load_records(
    data: bytes,
    allowed: Mapping[str, Constructor | None],
    persistent: Callable[[Any], Any],
    where: object,
) -> Records:
    """Return the tree of dicts, lists, tuples, scalars, constructed records and placeholders in a pickle.

    Parameters
    ----------
    data : bytes
        The pickle, any protocol.
    allowed : mapping of "module.name" to a constructor or None
        The globals that mean something; None: one that may be named but not called.
    persistent : callable
        Turns a persistent id (a tuple of records) into a record.
    where : object
        Named in errors.

    Raises
    ------
    InputError
        Naming an opcode that describes nothing, or saying that the pickle is damaged.
    """
    machine = _Machine(allowed, persistent, where)
    try:
        for opcode, argument, _ in pickletools.genops(data):
            if opcode.name == "STOP":
                (result,) = machine.stack
                return Records(result, tuple(sorted(machine.placeholders)))
            machine.step(opcode.name, argument)
    except _DAMAGE as error:
        raise InputError(f"{where}: its pickle is damaged ({error}).") from error
    raise InputError(f"{where}: its pickle ends without a STOP; the file is truncated.")


class _Machine:
    def __init__(
        self, allowed: Mapping[str, Constructor | None], persistent: Callable[[Any], Any], where: object
    ) -> None:
        self.allowed = allowed
        self.persistent = persistent
        self.where = where
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.placeholders: set[str] = set()

    def step(self, name: str, argument: Any) -> None:
        """Execute one opcode."""
        push, pop = self.stack.append, self.stack.pop
        if name in ("PROTO", "FRAME"):
            return
        if name in _PUSH_ARGUMENT:
            push(argument)
        elif name in _CONSTANTS:
            push(_CONSTANTS[name])
        elif name in _TUPLE_SIZES:
            push(tuple(reversed([pop() for _ in range(_TUPLE_SIZES[name])])))
        elif name == "MARK":
            push(_MARK)
        elif name == "TUPLE":
            push(tuple(self.pop_mark()))
        elif name == "EMPTY_LIST":
            push([])
        elif name == "LIST":
            push(self.pop_mark())
        elif name in ("APPEND", "APPENDS"):
            items = [pop()] if name == "APPEND" else self.pop_mark()
            if not isinstance(self.stack[-1], Placeholder):
                _expect(self.stack[-1], list).extend(items)
        elif name == "EMPTY_DICT":
            push({})
        elif name == "DICT":
            flat = self.pop_mark()
            push({})
            self.set_items(flat)
        elif name in ("SETITEM", "SETITEMS"):
            self.set_items([pop(), pop()][::-1] if name == "SETITEM" else self.pop_mark())
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self.memo[argument] = self.stack[-1]
        elif name == "MEMOIZE":
            self.memo[len(self.memo)] = self.stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            push(self.memo[argument])
        elif name == "GLOBAL":
            push(self.find(argument.replace(" ", ".", 1)))
        elif name == "STACK_GLOBAL":
            attribute, module = _expect(pop(), str), _expect(pop(), str)
            push(self.find(f"{module}.{attribute}"))
        elif name == "BINPERSID":
            push(self.persistent(pop()))
        elif name in ("REDUCE", "NEWOBJ"):
            arguments, function = _expect(pop(), tuple), pop()
            push(self.made(function, arguments))
        elif name == "NEWOBJ_EX":
            _expect(pop(), dict)
            arguments, function = _expect(pop(), tuple), pop()
            push(self.made(function, arguments))
        elif name == "INST":
            arguments = tuple(self.pop_mark())
            push(self.made(self.find(argument.replace(" ", ".", 1)), arguments))
        elif name == "OBJ":
            function, *rest = self.pop_mark()
            push(self.made(function, tuple(rest)))
        elif name == "BUILD":
            # An OrderedDict carries attributes (a state_dict's `_metadata`); no tensor is among them.
            state = pop()
            if isinstance(self.stack[-1], Placeholder):
                self.stack[-1].state = state
            else:
                _expect(self.stack[-1], dict)
        elif name == "EMPTY_SET":
            push(Placeholder("set"))
        elif name == "FROZENSET":
            self.pop_mark()
            push(Placeholder("frozenset"))
        elif name == "ADDITEMS":
            self.pop_mark()
            _expect(self.stack[-1], Placeholder)
        elif name == "POP":
            pop()
        elif name == "POP_MARK":
            self.pop_mark()
        elif name == "DUP":
            push(self.stack[-1])
        else:
            raise InputError(
                f"{self.where}: its pickle uses the opcode {name}, which describes no tensor; the "
                "file is refused and nothing in it was executed."
            )

    def find(self, name: str) -> Global:
        if name not in self.allowed:
            self.placeholders.add(name)
        return Global(name)

    def made(self, function: Any, arguments: tuple[Any, ...]) -> Any:
        """What calling ``function`` stands for: a record of ours, or a placeholder that was not called."""
        if isinstance(function, Placeholder):
            return Placeholder(function.name)
        name = _expect(function, Global).name
        if name not in self.allowed:
            return Placeholder(name)
        constructor = self.allowed[name]
        if constructor is None:
            raise ValueError(f"{name} is called, but it is a type name")
        return constructor(*arguments)

    def pop_mark(self) -> list[Any]:
        """Pop back to the last MARK and return what lay above it."""
        top = len(self.stack) - 1
        while self.stack[top] is not _MARK:
            top -= 1
            if top < 0:
                raise ValueError("no mark on the stack")
        items = self.stack[top + 1 :]
        del self.stack[top:]
        return items

    def set_items(self, flat: list[Any]) -> None:
        """Put alternating keys and values into the dict on top of the stack."""
        pairs = list(zip(flat[::2], flat[1::2], strict=True))
        if isinstance(self.stack[-1], Placeholder):
            self.stack[-1].items += pairs
            return
        target = _expect(self.stack[-1], dict)
        for key, value in pairs:
            if isinstance(key, (Placeholder, Global)):
                continue  # named among the placeholders; nothing of ours is filed under it
            # Scalars alone: hashing a tuple of shared tuples can take time without bound.
            if not isinstance(key, (str, int, float, type(None))):
                raise ValueError(f"a dict key is a {type(key).__name__}")
            target[key] = value


def _expect(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"a {type(value).__name__} stands where a {kind.__name__} is due")
    return value
