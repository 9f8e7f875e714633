"""zvol's `dataclass` against that of the standard library: the same classes, made by both."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import pytest

import zvol.dataclass

T = TypeVar("T")
ROOT = Path(zvol.dataclass.__file__).parent


def classes(dataclass: Callable[..., Any], field: Callable[..., Any]) -> dict[str, Any]:
    """Return classes of each shape that zvol has."""

    @dataclass(frozen=True, slots=True)
    class Frozen:
        name: str
        count: int = 3
        more: list[int] = field(default_factory=list)
        secret: str = field(default="s", repr=False)
        note: str = field(default="", compare=False)

    @dataclass(frozen=True, slots=True)
    class Child(Frozen):
        count: int = 4
        own: float = 0.5

    @dataclass(slots=True)
    class Changed(Generic[T]):
        value: T
        calls: int = field(default=7, init=False)
        rows: dict[str, int] = field(default_factory=dict, init=False)

    return {one.__name__: one for one in (Frozen, Child, Changed)}


def more_classes(dataclass: Callable[..., Any]) -> dict[str, Any]:
    """Return classes without much."""

    @dataclass(slots=True, eq=False)
    class Identical:
        one: int

    @dataclass(frozen=True, slots=True)
    class Empty:
        """Nothing."""

    @dataclass(frozen=True, slots=True)
    class OwnMethods:
        one: int

        def __repr__(self) -> str:
            return "own"

        def __eq__(self, other: object) -> bool:
            return isinstance(other, OwnMethods)

        def __hash__(self) -> int:
            return 5

    return {one.__name__: one for one in (Identical, Empty, OwnMethods)}


OURS = classes(zvol.dataclass.dataclass, zvol.dataclass.field) | more_classes(zvol.dataclass.dataclass)
THEIRS = classes(dataclasses.dataclass, dataclasses.field) | more_classes(dataclasses.dataclass)
ARGUMENTS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("Frozen", ("a",), {}),
    ("Frozen", ("a", 1, (2,), "x"), {"note": "n"}),
    ("Frozen", (), {"name": "a", "more": ()}),
    ("Child", ("a",), {"own": 2.0}),
    ("Child", ("a", 9, ()), {}),
    ("Changed", ([1],), {}),
    ("Identical", (1,), {}),
    ("Empty", (), {}),
    ("OwnMethods", (1,), {}),
]


def facts(kind: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return what can be seen of an object, without its address."""
    one, same = kind(*args, **kwargs), kind(*args, **kwargs)
    hashed: object
    try:
        hashed = kind.__hash__ is object.__hash__ or hash(one) == hash(same)
    except TypeError as exc:
        hashed = str(exc)
    return {
        "repr": repr(one),
        "equal": (one == same, one != same, one == 1),
        "hash": hashed,
        "fields": [(field.name, field.type, field.init) for field in dataclasses.fields(one)],
        "values": dataclasses.asdict(one),
        "copied": repr(copy.copy(one)),
        "slots": kind.__slots__,
        "match": kind.__match_args__,
        "signature": list(inspect.signature(kind).parameters),
        "module": (kind.__module__, kind.__name__, kind.__qualname__),
    }


@pytest.mark.parametrize(("name", "args", "kwargs"), ARGUMENTS)
def test_an_object_looks_as_that_of_the_standard_library(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    assert facts(OURS[name], args, kwargs) == facts(THEIRS[name], args, kwargs)


@pytest.mark.parametrize("both", [OURS, THEIRS])
def test_what_differs_is_not_equal_and_replace_makes_another(both: dict[str, Any]) -> None:
    one = both["Frozen"]("a")
    assert one != dataclasses.replace(one, name="b")
    assert one == dataclasses.replace(one, note="other")
    assert hash(one.name) == hash("a")
    assert one.more is not both["Frozen"]("a").more
    assert both["Frozen"]("a", 4) != both["Child"]("a", 4)
    assert both["Identical"](1) != both["Identical"](1)


@pytest.mark.parametrize("both", [OURS, THEIRS])
def test_a_frozen_object_is_not_changed(both: dict[str, Any]) -> None:
    for kind in ("Frozen", "Child", "OwnMethods"):
        one = both[kind](1)
        name = dataclasses.fields(one)[0].name
        with pytest.raises(dataclasses.FrozenInstanceError, match=f"'{name}'"):
            setattr(one, name, 2)
        with pytest.raises(dataclasses.FrozenInstanceError):
            delattr(one, name)
    changed = both["Changed"](1)
    changed.calls += 1
    assert (changed.calls, changed.rows) == (8, {})
    with pytest.raises(AttributeError):
        changed.unknown = 1


@pytest.mark.parametrize("both", [OURS, THEIRS])
@pytest.mark.parametrize(("args", "kwargs"), [((), {}), (("a", 1, 2, 3, 4, 5), {}), (("a",), {"who": 1})])
def test_wrong_arguments_are_refused(both: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    for _ in range(2):  # the first call makes __init__
        with pytest.raises(TypeError, match="__init__"):
            both["Frozen"](*args, **kwargs)


@pytest.mark.parametrize("both", [OURS, THEIRS])
def test_a_default_that_all_objects_would_share_is_refused(both: dict[str, Any]) -> None:
    decorate = zvol.dataclass.dataclass if both is OURS else dataclasses.dataclass
    with pytest.raises(ValueError, match="default_factory"):
        decorate(slots=True)(type("Wrong", (), {"__annotations__": {"rows": "list"}, "rows": []}))


def test_an_object_survives_pickle() -> None:
    from zvol.model import Target

    one = Target("name", "0" * 32, 1)
    assert pickle.loads(pickle.dumps(one)) == one


def test_no_other_is_used() -> None:
    """Each costs half a millisecond; the sandbox, which shares no code with the client, has them."""
    files = [file for file in ROOT.rglob("*.py") if "sandbox" not in file.parts and file.name != "dataclass.py"]
    for file in files:
        found = re.findall(r"^from dataclasses import (.*)$", file.read_text(), re.MULTILINE)
        assert not {name.strip() for names in found for name in names.split(",")} & {"dataclass", "field"}, file
    assert files
