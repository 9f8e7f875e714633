"""The source of zvol as trees: its functions, its constants, and what a text in it can be.

A text is followed through assignments, conditions, functions that return it, and to the callers that give it.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
Function = ast.FunctionDef
Bound = tuple[ast.expr, "Scope"]


@dataclass(eq=False)
class Module:
    """One file: its functions by name (methods as `Class.name`), its constants, and the names that it imports."""

    name: str
    path: Path
    tree: ast.Module
    functions: dict[str, Function] = field(default_factory=dict)
    constants: dict[str, ast.expr] = field(default_factory=dict)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Scope:
    """Where an expression stands: its module, its function, the class of that, and what its parameters are bound to."""

    module: Module
    function: Function | None = None
    owner: str = ""
    bound: Mapping[str, Bound] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of statements: whose it is (0 for a function), whether only one of that one's blocks is run, its end."""

    identity: int
    owner: int
    exclusive: bool = False
    ends: bool = False


Chain = tuple[Block, ...]
"""The blocks around a statement, that of the function first."""


@dataclass(frozen=True, eq=False)
class Assigned:
    """One assignment to a name: the value or an element of it, and where it stands.

    `added`: the value is added to what the name had.
    """

    value: ast.expr
    element: int | None
    chain: Chain
    added: bool = False

    @property
    def blocks(self) -> frozenset[int]:
        """Return the blocks that are not always run."""
        return frozenset(block.identity for block in self.chain[1:])

    def reaches(self, chain: Chain) -> bool:
        """Tell whether the statements of a block can be run after this one."""
        for number, block in enumerate(self.chain):
            if number >= len(chain) or chain[number].identity != block.identity:
                same = number < len(chain) and chain[number].owner == block.owner
                return not (same and block.exclusive) and not any(one.ends for one in self.chain[number:])
        return True

    def always(self, chain: Chain) -> bool:
        """Tell whether this one was run whenever a block is."""
        return self.chain == chain[: len(self.chain)]


class Program:
    """All modules of zvol but those of the sandbox."""

    def __init__(self, root: Path = ROOT) -> None:
        self.modules: dict[str, Module] = {}
        for path in sorted((root / "zvol").rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            if parts[1:2] != ("sandbox",):
                name = ".".join(parts).removesuffix(".__init__")
                self.modules[name] = _module(name, path)
        self._assigned: dict[Function, tuple[dict[str, list[Assigned]], dict[int, Chain]]] = {}

    @cached_property
    def calls(self) -> dict[str, list[tuple[ast.Call, Scope]]]:
        """Return all calls by the last part of the name that is called."""
        found: dict[str, list[tuple[ast.Call, Scope]]] = defaultdict(list)
        for module in self.modules.values():
            for scope, node in walk(module):
                if isinstance(node, ast.Call):
                    found[called(node)].append((node, scope))
        return found

    def function(self, call: ast.Call, scope: Scope) -> tuple[Function, Scope] | None:
        """Return the function of zvol that a call calls, with its parameters bound; None when that is not known."""
        found = self._found(call.func, scope)
        if found is None:
            return None
        module, name = found
        function = module.functions.get(name)
        if function is None:
            return None
        owner = name.rpartition(".")[0]
        return function, Scope(module, function, owner, _bind(function, call, scope, method=bool(owner)))

    def _found(self, func: ast.expr, scope: Scope) -> tuple[Module, str] | None:
        if isinstance(func, ast.Name):
            return self._named(func.id, scope.module)
        if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name):
            if func.value.id == "self":
                return scope.module, f"{scope.owner}.{func.attr}"
            target = scope.module.imports.get(func.value.id)
            module = self.modules.get(".".join(target)) if target else None
            if module is not None:
                return self._named(func.attr, module)
        found = self._methods.get(func.attr, []) if isinstance(func, ast.Attribute) else []
        return found[0] if len(found) == 1 else None

    @cached_property
    def _methods(self) -> dict[str, list[tuple[Module, str]]]:
        """Return the methods of all classes by name."""
        found: dict[str, list[tuple[Module, str]]] = defaultdict(list)
        for module in self.modules.values():
            for name in module.functions:
                if "." in name:
                    found[name.rpartition(".")[2]].append((module, name))
        return found

    def _named(self, name: str, module: Module) -> tuple[Module, str] | None:
        if name in module.functions:
            return module, name
        origin, there = module.imports.get(name, ("", ""))
        return (self.modules[origin], there) if origin in self.modules else None

    def constant(self, name: str, scope: Scope) -> Bound | None:
        """Return the value of a constant of a module, with the scope that it is in."""
        module = scope.module
        if name in module.constants:
            return module.constants[name], Scope(module)
        origin, there = module.imports.get(name, ("", ""))
        found = self.modules.get(origin)
        return (found.constants[there], Scope(found)) if found and there in found.constants else None

    def assigned(self, name: ast.Name, scope: Scope) -> list[Assigned]:
        """Return the assignments in its function that the use of a name can see."""
        if scope.function is None:
            return []
        if scope.function not in self._assigned:
            self._assigned[scope.function] = _assignments(scope.function)
        by_name, chains = self._assigned[scope.function]
        chain = chains.get(id(name), ())
        seen = [one for one in by_name.get(name.id, []) if before(one.value, name) and one.reaches(chain)]
        last = max((number for number, one in enumerate(seen) if one.always(chain) and not one.added), default=0)
        return seen[last:]


def before(value: ast.expr, use: ast.expr) -> bool:
    """Tell whether an expression ends before another one begins."""
    return (value.end_lineno or 0, value.end_col_offset or 0) <= (use.lineno, use.col_offset)


def called(call: ast.Call) -> str:
    """Return the last part of the name that is called."""
    func = call.func
    return func.id if isinstance(func, ast.Name) else func.attr if isinstance(func, ast.Attribute) else ""


def walk(module: Module) -> Iterator[tuple[Scope, ast.AST]]:
    """Yield every node of a module with its scope."""
    yield from _walk(module.tree, Scope(module), "")


def _walk(node: ast.AST, scope: Scope, owner: str) -> Iterator[tuple[Scope, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        yield scope, child
        inner, own = scope, owner
        if isinstance(child, ast.ClassDef):
            own = child.name
        elif isinstance(child, ast.FunctionDef):
            inner = Scope(scope.module, child, owner)
        yield from _walk(child, inner, own)


def _module(name: str, path: Path) -> Module:
    module = Module(name, path, ast.parse(path.read_text()))
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                module.imports[alias.asname or alias.name] = (node.module, alias.name)
    for statement in module.tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            module.constants.update({one.id: statement.value for one in targets if isinstance(one, ast.Name)})
        if isinstance(statement, ast.FunctionDef):
            module.functions[statement.name] = statement
        if isinstance(statement, ast.ClassDef):
            methods = (one for one in statement.body if isinstance(one, ast.FunctionDef))
            module.functions.update({f"{statement.name}.{one.name}": one for one in methods})
    return module


def parameters(function: Function) -> list[ast.arg]:
    return [*function.args.posonlyargs, *function.args.args]


def defaults(function: Function) -> dict[str, ast.expr]:
    """Return the default values of the parameters."""
    given = parameters(function)
    found = {
        one.arg: value
        for one, value in zip(given[::-1], function.args.defaults[::-1], strict=False)
        if value is not None
    }
    named = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    return found | {one.arg: value for one, value in named if value is not None}


def _bind(function: Function, call: ast.Call, scope: Scope, *, method: bool) -> dict[str, Bound]:
    names = [one.arg for one in parameters(function)][1 if method else 0 :]
    own = Scope(scope.module)
    bound: dict[str, Bound] = {name: (value, own) for name, value in defaults(function).items()}
    bound |= {name: (value, scope) for name, value in zip(names, call.args, strict=False)}
    return bound | {one.arg: (one.value, scope) for one in call.keywords if one.arg}


def _assignments(function: Function) -> tuple[dict[str, list[Assigned]], dict[int, Chain]]:
    """Return the assignments by name, and the blocks around each use of a name."""
    found: dict[str, list[Assigned]] = defaultdict(list)
    chains: dict[int, Chain] = {}
    for chain, statement in _statements(function.body, (Block(id(function.body), 0),)):
        chains |= {id(node): chain for node in _own(statement) if isinstance(node, ast.Name)}
        for target, value, added in _targets(statement):
            if isinstance(target, ast.Name):
                found[target.id].append(Assigned(value, None, chain, added))
            elif isinstance(target, ast.Tuple):
                for number, one in enumerate(target.elts):
                    if isinstance(one, ast.Name):
                        found[one.id].append(Assigned(value, number, chain))
    return found, chains


def _targets(statement: ast.stmt) -> Iterator[tuple[ast.expr, ast.expr, bool]]:
    if isinstance(statement, ast.Assign):
        for target in statement.targets:
            yield target, statement.value, False
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        yield statement.target, statement.value, False
    elif isinstance(statement, ast.AugAssign):
        yield statement.target, statement.value, True
    for node in _own(statement):
        if isinstance(node, ast.NamedExpr):
            yield node.target, node.value, False


def _own(statement: ast.stmt) -> Iterator[ast.AST]:
    """Yield the nodes of a statement that are in no block of it."""
    for name, value in ast.iter_fields(statement):
        if name not in ("body", "orelse", "finalbody", "handlers"):
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, ast.match_case):
                    yield from ast.walk(part.pattern)
                    yield from ast.walk(part.guard) if part.guard else ()
                elif isinstance(part, ast.AST):
                    yield from ast.walk(part)


def _statements(body: list[ast.stmt], chain: Chain) -> Iterator[tuple[Chain, ast.stmt]]:
    """Yield the statements of a body and of all blocks in it, each with the blocks around it."""
    for statement in body:
        yield chain, statement
        for inner in _blocks(statement):
            exclusive = isinstance(statement, ast.If | ast.Match)
            ends = isinstance(inner[-1], ast.Return | ast.Raise | ast.Continue)
            yield from _statements(inner, (*chain, Block(id(inner), id(statement), exclusive, ends)))


def _blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        inner = getattr(statement, name, None)
        if inner and not isinstance(statement, ast.FunctionDef | ast.ClassDef):
            yield inner
    for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        yield part.body
