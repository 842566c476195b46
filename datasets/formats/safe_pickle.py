"""Pickles from outside, read without the power to run anything.

Python's own unpickler calls any function that the file names. This one knows only the
instructions that build plain data (``pickletools`` documents them) and replaces the few
constructors that files of measurements, images and graphs need, dictionaries, NumPy numbers,
arrays of them and SciPy's compressed sparse rows, by its own; every other name is refused.
Texts of Python 2 stay ``bytes``, arrays cannot be written to.
It can also forget as it reads: a file of several gigabytes may hold little that is wanted, and
Python objects take five times the room of their pickle.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from types import FunctionType
from typing import Any

from datasets.formats.pickled_objects import CONSTRUCTORS, PickleRefused, Unbuilt
from datasets.formats.sparse_rows import SparseRows
from experiment.errors import InputError

__all__ = ["PickleRefused", "read_pickle"]

_DOUBLE = struct.Struct(">d")
_MARK = object()


def read_pickle(
    data: Any, start: int = 0, forget: Callable[[dict[Any, Any]], None] | None = None
) -> tuple[Any, int]:
    """Read the pickle that begins at ``start``.

    Args:
        data: ``bytes``, or a memory map.
        start: offset of the pickle.
        forget: called with every dictionary when items have been put into it; it may take out
            of it what is not wanted. An ``InputError`` that it raises is passed on as it is.

    Returns:
        The object, and the offset after the pickle.

    Raises:
        PickleRefused: the data is no pickle, or it names something that is not plain data.
    """
    machine = _Machine(data, start, forget)
    try:
        return machine.run(), machine.place
    except (PickleRefused, InputError):
        raise
    except (
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        OverflowError,
        RecursionError,
        struct.error,
    ) as error:
        raise PickleRefused(
            f"damaged at byte {machine.place:,} ({type(error).__name__}: {error})"
        ) from error


class _Machine:
    """The stack machine that a pickle is a program for, without its dangerous instructions."""

    def __init__(
        self, data: Any, start: int, forget: Callable[[dict[Any, Any]], None] | None
    ) -> None:
        self.data = data
        self.place = start
        self.forget = forget
        self.stack: list[Any] = []
        self.memo: list[Any] = []
        self.unbuilt = 0
        self.texts: dict[str, str] = {}

    def run(self) -> Any:
        """Execute instructions up to STOP."""
        data, stack = self.data, self.stack
        instructions = {code: getattr(self, name) for code, name in _INSTRUCTIONS.items()}
        while True:
            code = data[self.place]
            self.place += 1
            if code == 0x47:  # BINFLOAT: nine tenths of a file of measurements
                stack.append(_DOUBLE.unpack_from(data, self.place)[0])
                self.place += 8
            elif code == 0x4B:  # BININT1
                stack.append(data[self.place])
                self.place += 1
            elif code == 0x2E:  # STOP
                (result,) = stack
                if self.unbuilt:
                    raise PickleRefused("damaged: a NumPy array or type has no content")
                return result
            elif code in instructions:
                instructions[code]()
            else:
                raise PickleRefused(
                    f"instruction {code:#04x} at byte {self.place - 1:,} does not build plain data"
                )

    def _take(self, size: int) -> bytes:
        if size < 0 or self.place + size > len(self.data):
            raise PickleRefused(f"cut off at byte {len(self.data):,}")
        piece = bytes(self.data[self.place : self.place + size])
        self.place += size
        return piece

    def _count(self, size: int, *, signed: bool = False) -> int:
        return int.from_bytes(self._take(size), "little", signed=signed)

    def _line(self) -> str:
        end = self.data.find(b"\n", self.place)
        if end < 0:
            raise PickleRefused(f"cut off at byte {len(self.data):,}")
        line = self._take(end - self.place)
        self.place += 1
        return line.decode("ascii")

    def _above_mark(self) -> list[Any]:
        for place in range(len(self.stack) - 1, -1, -1):
            if self.stack[place] is _MARK:
                items = self.stack[place + 1 :]
                del self.stack[place:]
                return items
        raise PickleRefused("damaged: a mark is missing")

    def _text(self, size: int) -> None:
        # Equal texts share one object: files of measurements repeat a few words millionfold.
        text = self._take(size).decode("utf-8", "surrogatepass")
        self.stack.append(self.texts.setdefault(text, text))

    def _fill(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not dict or len(items) % 2:
            raise PickleRefused("damaged: items for something that is no dictionary")
        target.update(zip(items[::2], items[1::2], strict=True))
        if self.forget is not None:
            self.forget(target)

    def _keep(self, place: int) -> None:
        # A pickler numbers what it remembers without gaps; a gap would be room for nothing.
        # Python 2's cPickle begins with 1.
        if place == 1 and not self.memo:
            self.memo.append(None)
        if place > len(self.memo):
            raise PickleRefused("damaged: it remembers out of order")
        item = self.stack[-1]
        self.memo[place : place + 1] = [item]
        if type(item) is Unbuilt:
            item.remembered.append(place)

    def _named(self, module: Any, name: Any) -> None:
        constructor = CONSTRUCTORS.get((module, name))
        if constructor is None:
            raise PickleRefused(
                f"it asks for {module}.{name}, which plain data does not need: refused, "
                "nothing was run"
            )
        self.stack.append(constructor)

    def proto(self) -> None:
        version = self._count(1)
        if not 2 <= version <= 5:
            raise PickleRefused(f"pickle protocol {version}, expected 2 to 5")

    def frame(self) -> None:
        self._take(8)

    def mark(self) -> None:
        self.stack.append(_MARK)

    def none(self) -> None:
        self.stack.append(None)

    def true(self) -> None:
        self.stack.append(True)

    def false(self) -> None:
        self.stack.append(False)

    def integer_4(self) -> None:
        self.stack.append(self._count(4, signed=True))

    def integer_2(self) -> None:
        self.stack.append(self._count(2))

    def long_1(self) -> None:
        self.stack.append(self._count(self._count(1), signed=True))

    def text_1(self) -> None:
        self._text(self._count(1))

    def text_4(self) -> None:
        self._text(self._count(4))

    def bytes_1(self) -> None:
        self.stack.append(self._take(self._count(1)))

    def bytes_4(self) -> None:
        self.stack.append(self._take(self._count(4)))

    def bytes_4_signed(self) -> None:
        self.stack.append(self._take(self._count(4, signed=True)))

    def bytearray_8(self) -> None:
        self.stack.append(bytearray(self._take(self._count(8))))

    def empty_dict(self) -> None:
        self.stack.append({})

    def empty_list(self) -> None:
        self.stack.append([])

    def empty_set(self) -> None:
        self.stack.append(set())

    def empty_tuple(self) -> None:
        self.stack.append(())

    def tuple_1(self) -> None:
        self.stack[-1:] = [(self.stack[-1],)]

    def tuple_2(self) -> None:
        self.stack[-2:] = [(self.stack[-2], self.stack[-1])]

    def tuple_3(self) -> None:
        self.stack[-3:] = [(self.stack[-3], self.stack[-2], self.stack[-1])]

    def tuple_n(self) -> None:
        self.stack.append(tuple(self._above_mark()))

    def append(self) -> None:
        self._extend([self.stack.pop()])

    def appends(self) -> None:
        self._extend(self._above_mark())

    def _extend(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise PickleRefused("damaged: items for something that is no list")
        self.stack[-1].extend(items)

    def additems(self) -> None:
        items = self._above_mark()
        if type(self.stack[-1]) is not set:
            raise PickleRefused("damaged: items for something that is no set")
        self.stack[-1].update(items)

    def setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._fill([key, value])

    def setitems(self) -> None:
        self._fill(self._above_mark())

    def put_1(self) -> None:
        self._keep(self._count(1))

    def put_4(self) -> None:
        self._keep(self._count(4))

    def memoize(self) -> None:
        self._keep(len(self.memo))

    def get_1(self) -> None:
        self._recall(self._count(1))

    def get_4(self) -> None:
        self._recall(self._count(4))

    def _recall(self, place: int) -> None:
        item = self.memo[place]
        if type(item) is Unbuilt:
            raise PickleRefused("damaged: it uses a NumPy array or type before its content")
        self.stack.append(item)

    def named(self) -> None:
        self._named(self._line(), self._line())

    def stack_named(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self._named(module, name)

    def reduce(self) -> None:
        arguments, constructor = self.stack.pop(), self.stack.pop()
        # Functions come from nowhere but the table of constructors.
        if type(constructor) is not FunctionType or type(arguments) is not tuple:
            raise PickleRefused("damaged: it calls something that cannot be called")
        made = constructor(*arguments)
        self.unbuilt += type(made) is Unbuilt
        self.stack.append(made)

    def build(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if type(target) is not Unbuilt or type(state) is not (
            dict if target.kind is SparseRows else tuple
        ):
            raise PickleRefused("it sets the state of an object, which plain data does not have")
        built = target.build(state)
        self.unbuilt -= 1
        self.stack[-1] = built
        for place in target.remembered:
            if self.memo[place] is target:
                self.memo[place] = built


_INSTRUCTIONS = {
    0x80: "proto",
    0x95: "frame",
    0x28: "mark",
    0x4E: "none",
    0x88: "true",
    0x89: "false",
    0x4A: "integer_4",
    0x4D: "integer_2",
    0x8A: "long_1",
    0x8C: "text_1",
    0x58: "text_4",
    0x43: "bytes_1",
    0x42: "bytes_4",
    0x55: "bytes_1",  # SHORT_BINSTRING: a text of Python 2
    0x54: "bytes_4_signed",  # BINSTRING
    0x96: "bytearray_8",
    0x7D: "empty_dict",
    0x5D: "empty_list",
    0x8F: "empty_set",
    0x29: "empty_tuple",
    0x85: "tuple_1",
    0x86: "tuple_2",
    0x87: "tuple_3",
    0x74: "tuple_n",
    0x61: "append",
    0x65: "appends",
    0x90: "additems",
    0x73: "setitem",
    0x75: "setitems",
    0x71: "put_1",
    0x72: "put_4",
    0x94: "memoize",
    0x68: "get_1",
    0x6A: "get_4",
    0x63: "named",
    0x93: "stack_named",
    0x52: "reduce",
    0x81: "reduce",
    0x62: "build",
}
"""Code of each instruction that builds plain data → method that carries it out."""
