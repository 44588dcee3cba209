"""Names that a function may read before it gave them a value: Python raises there, compiled code would read 0."""

import ast


def first_unassigned(function: ast.FunctionDef) -> ast.Name | None:
    """The first read of a local name that some way through the function has not assigned; None when there is none.

    Loops may run zero times, so what only their bodies assign counts as unassigned after them.
    """
    arguments = {a.arg for a in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)}
    stored = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    check = _Check(stored - arguments)
    check.walk(function.body, set())
    return check.found


class _Check:
    """Follows a function's statements. names: its local variables."""

    def __init__(self, names: set[str]) -> None:
        self.names = names
        self.found: ast.Name | None = None

    def walk(self, statements: list[ast.stmt], assigned: set[str]) -> set[str] | None:
        """What is assigned after them; None when they never get to their end."""
        for statement in statements:
            after = self._step(statement, assigned)
            if after is None:
                return None
            assigned = after
        return assigned

    def _step(self, statement: ast.stmt, assigned: set[str]) -> set[str] | None:
        if isinstance(statement, ast.If):
            self._read(statement.test, assigned)
            ways = [self.walk(body, set(assigned)) for body in (statement.body, statement.orelse)]
            through = [w for w in ways if w is not None]
            return set.intersection(*through) if through else None
        if isinstance(statement, ast.For):
            self._read(statement.iter, assigned)
            self.walk(statement.body, assigned | _stored(statement.target))
            return self.walk(statement.orelse, set(assigned))
        if isinstance(statement, ast.While):
            self._read(statement.test, assigned)
            self.walk(statement.body, set(assigned))
            return self.walk(statement.orelse, set(assigned))
        self._read(statement, assigned)
        if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
            self._read(ast.copy_location(ast.Name(statement.target.id, ast.Load()), statement.target), assigned)
        if isinstance(statement, ast.Return | ast.Raise | ast.Break | ast.Continue):
            return None
        return assigned | _stored(statement)

    def _read(self, node: ast.AST, assigned: set[str]) -> None:
        inner = {n.id for c in ast.walk(node) if isinstance(c, ast.comprehension) for n in _names(c.target)}
        for name in _names(node):
            is_read = isinstance(name.ctx, ast.Load) and name.id in self.names
            if is_read and name.id not in assigned | inner and self.found is None:
                self.found = name


def _names(node: ast.AST) -> list[ast.Name]:
    return [n for n in ast.walk(node) if isinstance(n, ast.Name)]


def _stored(node: ast.AST) -> set[str]:
    return {n.id for n in _names(node) if isinstance(n.ctx, ast.Store)}
