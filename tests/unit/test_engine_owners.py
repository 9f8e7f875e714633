"""Only the owner of the tasks changes them: nobody else assigns a field, moves one, or reaches into private state."""

from __future__ import annotations

import ast
from collections import OrderedDict, deque
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ZVOL = Path(__file__).parents[2] / "zvol"
ROOM = ZVOL / "recovery"
FILES = sorted(ROOM.rglob("*.py"))
OTHERS = sorted(file for package in ("session", "cli", "catalog") for file in (ZVOL / package).rglob("*.py"))
OWNERS = {"task_queues.py", "task_lifecycle.py", "tasks.py"}
"""The modules of `Tasks`, which alone may change a task."""

READING = {
    "copy",
    "count",
    "get",
    "index",
    "items",
    "keys",
    "values",
    "union",
    "difference",
    "intersection",
    "issubset",
}
CHANGING = {name for kind in (list, dict, set, deque, OrderedDict) for name in dir(kind)} - READING
"""Methods that change a container in place."""


def targets(node: ast.AST) -> Iterator[ast.expr]:
    """Yield what a statement assigns or deletes, the members of tuples one by one."""
    match node:
        case ast.Assign(targets=found) | ast.Delete(targets=found):
            pass
        case ast.AugAssign(target=one) | ast.AnnAssign(target=one) | ast.For(target=one) | ast.NamedExpr(target=one):
            found = [one]
        case ast.withitem(optional_vars=one) if one is not None:
            found = [one]
        case _:
            return
    for one in found:
        yield from one.elts if isinstance(one, ast.Tuple | ast.List) else [one]


def own(expression: ast.expr) -> bool:
    """Tell whether something is a field of `self` itself, or no field at all."""
    while isinstance(expression, ast.Subscript | ast.Starred):
        expression = expression.value
    return not isinstance(expression, ast.Attribute) or ast.unparse(expression.value) in ("self", "cls")


def a_task(expression: ast.expr) -> bool:
    """Tell whether an expression is a task, by its name."""
    return ast.unparse(expression).rpartition(".")[2] in ("task", "follow_up", "change")


def changes_a_container(node: ast.AST) -> bool:
    """Tell whether something is a call that changes a field which is a container."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Attribute(), attr=method)):
            return method in CHANGING
        case _:
            return False


parsed = cache(ast.parse)


@cache
def mutators(file: str = "task.py", name: str = "VolumeTask") -> frozenset[str]:
    """Return the methods of a task's class that change its fields."""
    [task] = [
        node
        for node in ast.parse((ROOM / file).read_text()).body
        if isinstance(node, ast.ClassDef) and node.name == name
    ]
    methods = [node for node in task.body if isinstance(node, ast.FunctionDef)]
    return frozenset(
        method.name
        for method in methods
        if any(isinstance(one, ast.Attribute) for node in ast.walk(method) for one in targets(node))
        or any(changes_a_container(node) for node in ast.walk(method))
    )


def imported_from_recovery(source: str) -> Iterator[str]:
    """Yield the modules of the engine that a module imports."""
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("zvol.recovery"):
            module = (node.module or "").removeprefix("zvol.recovery").lstrip(".")
            yield from [module] if module else [alias.name for alias in node.names]


def found_in(name: str, source: str) -> Iterator[str]:
    """Yield what a module does that only an owner may do."""
    owner, changes = name in OWNERS, mutators()
    for node in ast.walk(parsed(source)):
        for one in targets(node):
            if not own(one) and not (owner and ast.unparse(one).startswith("task.")):
                yield f"{name}:{node.lineno} assigns {ast.unparse(one)}"  # type: ignore[attr-defined]
        match node:
            case ast.Attribute(value=base, attr=field) if field.startswith("_") and not field.startswith("__"):
                if ast.unparse(base) not in ("self", "cls") and field != "_replace":  # of a named tuple: a copy
                    yield f"{name}:{node.lineno} reaches into {ast.unparse(node)}"
            case ast.Call(func=ast.Attribute(value=ast.Attribute() as container, attr=method)) if method in CHANGING:
                if not own(container):
                    yield f"{name}:{node.lineno} changes {ast.unparse(container)}"
            case ast.Call(func=ast.Attribute(attr=method)) if method in changes and not owner:
                yield f"{name}:{node.lineno} calls {ast.unparse(node.func)}"
            case ast.Call(func=ast.Name(id="replace") | ast.Attribute(attr="replace"), args=[one, *_]) if a_task(one):
                yield f"{name}:{node.lineno} copies {ast.unparse(one)}"
            case ast.Call(func=ast.Name(id="setattr" | "delattr")):
                yield f"{name}:{node.lineno} calls setattr"
            case _:
                pass


@pytest.mark.parametrize("file", FILES, ids=lambda path: str(path.relative_to(ZVOL)))
def test_a_class_changes_its_own_fields_only(file: Path) -> None:
    assert [*found_in(file.name, file.read_text())] == []


@pytest.mark.parametrize("file", OTHERS, ids=lambda path: str(path.relative_to(ZVOL)))
def test_other_packages_change_no_task(file: Path) -> None:
    found = [one for one in found_in(file.name, file.read_text()) if " calls " in one or " copies " in one]
    assert [one for one in found if not one.endswith(" calls setattr")] == []
    assert not {"task_queues", "task_lifecycle", "tasks"} & set(imported_from_recovery(file.read_text()))


def follow_up_changes(name: str, source: str) -> Iterator[str]:
    """Yield where a module calls a method that changes a follow-up or one of its changes."""
    changing = mutators("follow_ups/task.py", "FollowUpTask") | mutators("follow_ups/changes.py", "Change")
    for node in ast.walk(parsed(source)):
        match node:
            case ast.Call(func=ast.Attribute(value=base, attr=method)) if method in changing:
                if ast.unparse(base).rpartition(".")[2] in ("follow_up", "change"):
                    yield f"{name}:{node.lineno} calls {ast.unparse(node.func)}"
            case _:
                pass


@pytest.mark.parametrize("file", [*FILES, *OTHERS], ids=lambda path: str(path.relative_to(ZVOL)))
def test_follow_ups_are_changed_in_their_own_package(file: Path) -> None:
    found = [*follow_up_changes(file.name, file.read_text())]
    assert found == [] or file.parent == ROOM / "follow_ups"


def test_a_change_of_a_follow_up_is_found() -> None:
    assert [*follow_up_changes("other.py", "follow_up.change.reset()")] == ["other.py:1 calls follow_up.change.reset"]
    assert [*follow_up_changes("other.py", "task.follow_up.set_run(run)")] != []
    assert [*follow_up_changes("other.py", "limit.begin(kind); follow_up.fresh(now)")] == []
    for part in ("poller", "submitter", "run", "stage"):
        assert [*follow_up_changes(part, (ROOM / "follow_ups" / f"{part}.py").read_text())] != []


def test_the_methods_that_change_a_task_are_known() -> None:
    assert {"begin_put", "begin_polling", "record_read"} <= mutators()
    assert "fresh" not in mutators()
    assert {"defer", "set_run"} <= mutators("follow_ups/task.py", "FollowUpTask")
    assert {"mark_sent", "reset"} <= mutators("follow_ups/changes.py", "Change")


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("task.place = Place.QUEUED", "assigns task.place"),
        ("task.late += 1", "assigns task.late"),
        ("task.error: ZvolError = error", "assigns task.error"),
        ("task.run, task.claimed = run, True", "assigns task.claimed"),
        ("for task.run in runs: pass", "assigns task.run"),
        ("del task.run", "assigns task.run"),
        ("self.tasks.reads_denied = True", "assigns self.tasks.reads_denied"),
        ("context.journal.error = None", "assigns context.journal.error"),
        ("tasks.fields['x'] = 1", "assigns tasks.fields['x']"),
        ("tasks.skipped.append(task)", "changes tasks.skipped"),
        ("self._tasks._move(task, Place.QUEUED)", "reaches into self._tasks._move"),
        ("task.record_read(None, 0.0, seen)", "calls task.record_read"),
        ("setattr(task, 'late', 1)", "calls setattr"),
        ("replace(task, late=1)", "copies task"),
        ("dataclasses.replace(self.task, late=1)", "copies self.task"),
    ],
)
def test_each_way_around_the_owner_is_found(statement: str, what: str) -> None:
    assert f"other.py:1 {what}" in [*found_in("other.py", statement)]


def test_only_the_owner_may_change_a_task() -> None:
    assert [*found_in("tasks.py", "task.late += 1")] == []
    assert [*found_in("tasks.py", "self._context.journal.error = None")] != []


def test_nobody_but_the_owner_knows_the_queues() -> None:
    importers = {file.name for file in FILES if "task_queues" in imported_from_recovery(file.read_text())}
    assert importers <= OWNERS
