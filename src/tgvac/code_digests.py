"""Which code decides a result: one digest over the modules that a phase runs.

The code of a phase is its entry module and all ``tgvac`` modules that it imports, directly or not, at the top of a file
or inside a function. Each module counts as its syntax tree without

* comments and docstrings,
* imports for type checkers alone (``if TYPE_CHECKING``),
* fields of params (classes derived from ``Block``) and their validators: the phases that read them digest their values,
  defaults included,
* the text of errors, warnings, printed lines and progress, and whole functions marked :func:`tgvac.errors.wording`.

So prose reruns nothing. Modules that only resolve jobs, record them, or watch a training are left out altogether.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tgvac import config
from tgvac.files import sha256

PACKAGE = "tgvac"
LEFT_OUT = frozenset(
    {
        *("tgvac.cli", "tgvac.cli_data", "tgvac.params", "tgvac.scales", "tgvac.phase_spec", "tgvac.phases"),
        *("tgvac.provenance", "tgvac.code_digests", "tgvac.progress"),
        *("tgvac.training.watching", "tgvac.training.speed", "tgvac.training.utilisation", "tgvac.training.run_params"),
        *("tgvac.training.resuming", "tgvac.training.interruption", "tgvac.backbones.watching"),
    }
)
_TEXT_CALLS = frozenset({"print", "Progress", "with_progress", "progress.step", "warnings.warn"})
"""Calls whose text people read: those of their arguments that hold a string don't count."""
_TEXT = ast.Constant("text")


@dataclass(frozen=True)
class SourceTree:
    """The package's source files.

    Attributes:
        folder: of the package itself; the tests give copies with edits.
    """

    folder: Path = Path(__file__).resolve().parent

    def file(self, module: str) -> Path | None:
        """The source file of a module of this package; None when there is no such module."""
        first, *parts = module.split(".")
        if first != PACKAGE:
            return None
        base = self.folder.joinpath(*parts)
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file():
                return path
        return None

    def closure(self, *modules: str, without: Collection[str] = ()) -> dict[str, str]:
        """Digest by module, over all that the modules reach by imports, themselves included, sorted.

        Args:
            without: modules that are left out for these, and what only they reach.

        Raises:
            ValueError: when one of them does not exist, or a module imports relatively.
        """
        # A package's __init__ runs whenever something below it is imported.
        todo = [".".join(parts[:i]) for parts in (m.split(".") for m in modules) for i in range(1, len(parts) + 1)]
        seen: dict[str, str] = {}
        while todo:
            name = todo.pop()
            if name in seen or name in LEFT_OUT or name in without:
                continue
            path = self.file(name)
            if path is None:
                raise ValueError(f"no module named {name} in {PACKAGE}")
            try:
                seen[name], imported = _facts(path)
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from None
            todo.extend(each for each in _with_packages(imported) if self.file(each) is not None)
        return dict(sorted(seen.items()))

    def digest(self, *modules: str, without: Collection[str] = ()) -> str:
        """One digest for the code behind some entry modules."""
        return config.digest(self.closure(*modules, without=without))


TREE = SourceTree()


def code_digest(*modules: str, without: Collection[str] = ()) -> str:
    """One digest for the code behind some entry modules of this installation."""
    return TREE.digest(*modules, without=without)


def source_digest(text: str) -> str:
    """SHA-256 of what of a source text decides results; see the module's description."""
    return _tree_digest(deciding(ast.parse(text)))


def _tree_digest(tree: ast.Module) -> str:
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def deciding(tree: ast.Module) -> ast.Module:
    """The syntax tree without what decides no result; changes it in place."""
    _Deciding().visit(tree)
    return tree


class _Deciding(ast.NodeTransformer):
    """Takes away prose; see the module's description."""

    def visit_Module(self, node: ast.Module) -> ast.AST:
        return self._body(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        if any(isinstance(base, ast.Name) and base.id == "Block" for base in node.bases):
            node.body = [each for each in node.body if not _is_field(each)]
        return self._body(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        marked = any(isinstance(mark, ast.Name) and mark.id == "wording" for mark in node.decorator_list)
        if marked:
            return ast.Expr(ast.Constant(node.name))
        return self._body(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._body(node)

    def _body(self, node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
        # A string that stands alone documents the name above it.
        node.body = [each for each in node.body if not _is_string(each)]
        return self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | None:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return None
        return self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        if isinstance(node.exc, ast.Call):
            node.exc = _without_text(node.exc)
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        return self.generic_visit(_without_text(node) if _called(node.func) in _TEXT_CALLS else node)


def _called(function: ast.expr) -> str:
    """The name of what is called: ``name`` or ``name.attribute``; "" for anything else."""
    if isinstance(function, ast.Name):
        return function.id
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return f"{function.value.id}.{function.attr}"
    return ""


def _is_string(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _is_field(node: ast.stmt) -> bool:
    """Whether a statement of a block of params declares a field, or validates."""
    if isinstance(node, ast.FunctionDef):
        return any("validator" in ast.unparse(mark) for mark in node.decorator_list)
    return isinstance(node, ast.AnnAssign)


def _without_text(call: ast.Call) -> ast.Call:
    """A call whose arguments that hold a string all read the same; numbers and names stay."""
    call.args = [_TEXT if _holds_string(each) else each for each in call.args]
    call.keywords = [ast.keyword(k.arg, _TEXT) if _holds_string(k.value) else k for k in call.keywords]
    return call


def _holds_string(node: ast.expr) -> bool:
    return any(
        isinstance(each, ast.JoinedStr) or (isinstance(each, ast.Constant) and isinstance(each.value, str))
        for each in ast.walk(node)
    )


def imports_of(text: str) -> set[str]:
    """The modules of this package that a source text may import: a module, or something named in one.

    Raises:
        ValueError: for a relative import, which digests cannot follow.
    """
    return _imports(deciding(ast.parse(text)))


def _imports(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            raise ValueError(f"line {node.lineno} imports relatively; write the full name, so that digests can follow")
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return {name for name in found if name.split(".")[0] == PACKAGE}


def _with_packages(modules: frozenset[str]) -> set[str]:
    return {".".join(parts[:i]) for parts in (m.split(".") for m in modules) for i in range(1, len(parts) + 1)}


def _facts(path: Path) -> tuple[str, frozenset[str]]:
    """Digest and imports of a source file; read again only after it has changed."""
    stat = path.stat()
    found, imported = _facts_of(path, stat.st_mtime_ns, stat.st_size, stat.st_ino)
    if path.name == "__init__.py":
        # A package's templates decide what it makes as much as its code does.
        templates = sorted((path.parent / "templates").glob("*"))
        found = config.digest([found, *(sha256(template) for template in templates)])
    return found, imported


@cache
def _facts_of(path: Path, changed_ns: int, size: int, inode: int) -> tuple[str, frozenset[str]]:
    tree = deciding(ast.parse(path.read_text(encoding="utf-8")))
    return _tree_digest(tree), frozenset(_imports(tree))
