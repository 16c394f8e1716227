"""Database: one SQLite database of a vault, read as what it may be: damaged, or made to harm its reader.

SQLite is given as little as the work needs: no other file, no extension, virtual table, view or trigger, no computed
column, and a bound for memory and work. Rows come one by one; the database is never in memory as a whole.
"""

import contextlib
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NoReturn, Self

import apsw

from wafs.units import KIB, MIB
from wafs.whatsapp.errors import DatabaseCostError, DatabaseError
from wafs.whatsapp.memory_file import RandomAccess
from wafs.whatsapp.sqlite_vfs import MAIN, SourceVfs

Value = None | int | float | str | bytes
Row = tuple[Value, ...]

PROBLEMS_MOST: Final = 100
"""Problems of a database that are asked for."""

TEXT_MOST: Final = 4 * KIB
"""Bytes of a text that are read; a path or a name is never so long."""

_STEPS_BETWEEN: Final = 20_000
_STEPS_AT_LEAST: Final = 100_000_000
_STEPS_PER_BYTE: Final = 20
_MEMORY_MOST: Final = 256 * MIB
_CACHE_KIB: Final = 32 * KIB
_NAMES: Final = itertools.count()

_LIMITS: Final = {
    apsw.SQLITE_LIMIT_LENGTH: 64 * MIB,
    apsw.SQLITE_LIMIT_SQL_LENGTH: MIB,
    apsw.SQLITE_LIMIT_ATTACHED: 0,
    apsw.SQLITE_LIMIT_EXPR_DEPTH: 100,
    apsw.SQLITE_LIMIT_COMPOUND_SELECT: 10,
    apsw.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 1,
    apsw.SQLITE_LIMIT_TRIGGER_DEPTH: 1,
    apsw.SQLITE_LIMIT_WORKER_THREADS: 0,
}
_SETTINGS: Final = {
    apsw.SQLITE_DBCONFIG_DEFENSIVE: 1,
    apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA: 0,
    apsw.SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION: 0,
    apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER: 0,
    apsw.SQLITE_DBCONFIG_ENABLE_VIEW: 0,
    apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE: 1,
    apsw.SQLITE_DBCONFIG_DQS_DDL: 1,
}
_PRAGMAS: Final[tuple[tuple[str, str | int], ...]] = (
    # Before anything is read: a WAL whose index is in this process alone needs no shared memory.
    ("locking_mode", "exclusive"),
    ("temp_store", "memory"),
    ("cell_size_check", 1),
    ("mmap_size", 0),
    ("cache_size", -_CACHE_KIB),
    # A constraint is code of whoever made the database.
    ("ignore_check_constraints", 1),
)
_ALLOWED: Final = frozenset({apsw.SQLITE_SELECT, apsw.SQLITE_READ, apsw.SQLITE_FUNCTION})
_ALLOWED_PRAGMAS: Final = frozenset({"quick_check", "table_info", "table_xinfo", "encoding"})
_COMPUTED: Final = (2, 3)
_WITHOUT_ROWID: Final = re.compile(r"\bwithout\s+rowid\s*(,\s*strict\s*)?;?\s*$", re.IGNORECASE)


class Database:
    """An open database. Close it, or use it in a `with`.

    `sources` has its bytes under the names of `sqlite_vfs`; `check` is called now and then and may raise to stop.
    What SQLite would write, such as the rollback of a journal, happens in memory.

    Raises: DatabaseError, here and in every method, in words that need no name; what the sources and `check` raise.
    Thread: that which made it.
    """

    def __init__(self, sources: Mapping[str, RandomAccess], check: Callable[[], None]) -> None:
        self._check = check
        self._steps = _STEPS_AT_LEAST + _STEPS_PER_BYTE * sum(source.size for source in sources.values())
        self._gave_up = False
        self._vfs = SourceVfs(f"wafs-{next(_NAMES)}", sources)
        self._stack = contextlib.ExitStack()
        self._stack.callback(self._vfs.unregister)
        before = apsw.hard_heap_limit(_MEMORY_MOST)
        self._stack.callback(apsw.hard_heap_limit, before)
        try:
            with self._errors():
                self._db = apsw.Connection(MAIN, vfs=self._vfs.name, flags=apsw.SQLITE_OPEN_READWRITE)
                self._stack.callback(self._close)
                self._harden()
                self._encoding = str(self._db.pragma("encoding"))
                query = "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND rootpage > 0"
                tables = [(str(name), str(made)) for name, made in self._db.execute(query)]
            self._names: Final = [name for name, _ in tables]
            self._tables = {name.lower(): name for name, made in tables if not _WITHOUT_ROWID.search(made)}
        except BaseException:
            self._stack.close()
            raise

    def problems(self) -> list[str]:
        """Return what is wrong with it, `PROBLEMS_MOST` lines at most; none if it is whole."""
        computed = [name for name in self._names if self._is_computed(name)]
        # A column that is computed is code of whoever made the database, and would run.
        tables = [None] if not computed else [name for name in self._names if name not in computed]
        found: list[str] = [f"table {name} has computed columns and was not checked" for name in computed]
        for table in tables:
            with self._errors():
                what = PROBLEMS_MOST if table is None else table
                for (line,) in self._db.execute(f"PRAGMA quick_check({_quoted(what)})"):
                    found += [each for each in str(line).splitlines() if each and each != "ok"]
            if len(found) >= PROBLEMS_MOST:
                break
        return found[:PROBLEMS_MOST]

    def columns(self, table: str) -> frozenset[str]:
        """Return the names of a table's columns in lower case, none if there is no such table.

        Views, virtual tables, tables without row numbers and computed columns are none.
        """
        name = self._tables.get(table.lower())
        if name is None:
            return frozenset()
        with self._errors():
            rows = self._db.execute(f"PRAGMA table_info({_quoted(name)})")
            return frozenset(str(row[1]).lower() for row in rows)

    @property
    def tables(self) -> list[str]:
        """Return the names of the tables."""
        return sorted(self._names)

    def rows(self, query: str) -> Iterator[Row]:
        """Yield what a query finds. It must name only what `columns` has shown."""
        with self._errors():
            yield from self._db.execute(query)

    def text(self, value: Value) -> bytes | None:
        """Return a text that was selected by `as_bytes` as UTF-8, or as it stands if it is none; None for no text."""
        if not isinstance(value, bytes) or not value:
            return None
        if self._encoding == "UTF-8":
            return value
        return value.decode(self._encoding, "replace").encode("utf-8", "replace")

    def close(self) -> None:
        """Close it."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *about: object) -> None:
        self.close()

    def _harden(self) -> None:
        db = self._db
        for limit, most in _LIMITS.items():
            db.limit(limit, most)
        for setting, value in _SETTINGS.items():
            db.config(setting, value)
        db.drop_modules(None)
        for name, to in _PRAGMAS:
            db.pragma(name, to)
        db.collation_needed(_any_order)
        db.set_progress_handler(self._progress, _STEPS_BETWEEN)
        db.set_authorizer(_authorize)

    def _progress(self) -> bool:
        self._check()
        self._steps -= _STEPS_BETWEEN
        self._gave_up = self._steps < 0
        return self._gave_up

    def _is_computed(self, table: str) -> bool:
        with self._errors():
            return any(row[6] in _COMPUTED for row in self._db.execute(f"PRAGMA table_xinfo({_quoted(table)})"))

    def _close(self) -> None:
        # The file may be past reading; nothing of it is kept.
        with contextlib.suppress(apsw.Error):
            self._db.close(True)  # noqa: FBT003  apsw takes it by position

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except apsw.Error as error:
            self._fail(error)
        except MemoryError as error:
            msg = "reading it takes more memory than a database should"
            raise DatabaseCostError(msg) from error
        except UnicodeDecodeError as error:
            msg = "a name in it is not text"
            raise DatabaseError(msg) from error

    def _fail(self, error: apsw.Error) -> NoReturn:
        if self._vfs.failure is not None:
            raise self._vfs.failure from None
        if self._gave_up:
            msg = "reading it takes far longer than a database of its size should"
            raise DatabaseCostError(msg) from None
        if isinstance(error, (apsw.NoMemError, apsw.TooBigError, apsw.FullError)):
            msg = "reading it takes more memory than a database should"
            raise DatabaseCostError(msg) from None
        raise DatabaseError(str(error)) from None


def as_bytes(column: str) -> str:
    """Return an expression for a text column that gives its first `TEXT_MOST` bytes, whatever they are."""
    return f"substr(CAST({column} AS BLOB), 1, {TEXT_MOST})"


def _quoted(name: str | int) -> str:
    return str(name) if isinstance(name, int) else "'" + name.replace("'", "''") + "'"


def _authorize(operation: int, name: str | None, *about: object) -> int:
    del about
    is_allowed = name in _ALLOWED_PRAGMAS if operation == apsw.SQLITE_PRAGMA else operation in _ALLOWED
    return apsw.SQLITE_OK if is_allowed else apsw.SQLITE_DENY


def _any_order(db: apsw.Connection, name: str) -> None:
    """Give a collation that only the phone knows some order: none of the queries here depends on it."""
    db.create_collation(name, lambda left, right: (left > right) - (left < right))
