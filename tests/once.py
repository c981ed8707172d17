"""What is the same for every application that a test makes is made once: half of what the tests cost.

Each test has an application of its own on a database of its own. The templates that it compiles, the statements and the
functions that put addresses together are those of the application before it.
"""

from collections.abc import Callable
from types import CodeType
from typing import Any

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy import Engine
from werkzeug.routing import Rule

from lti_service import db


def share() -> None:
    """From now on, in this process."""
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": _Templates()}
    db.make_engine = _engines(db.make_engine)
    Rule._compile_builder = _addresses(Rule._compile_builder)


class _Templates(BytecodeCache):
    """By name and source."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            self._kept[bucket.key, bucket.checksum] = bucket.code


def _engines(make_engine: Callable[[str], Engine]) -> Callable[[str], Engine]:
    """Engines that know what the first of their kind has compiled; SQLAlchemy keeps it by the dialect."""
    first: dict[str, Engine] = {}

    def make_one_more(url: str) -> Engine:
        engine = make_engine(url)
        known = first.setdefault(engine.name, engine)
        engine.dialect, engine._compiled_cache = known.dialect, known._compiled_cache
        return engine

    return make_one_more


def _addresses(compile_builder: Callable[[Rule, bool], Any]) -> Callable[[Rule, bool], Any]:
    """By the rule and its parts: Werkzeug writes and compiles two functions for each, which takes 40 ms for all."""
    known: dict[tuple[Any, ...], Any] = {}

    def compile_once(rule: Rule, append_unknown: bool = True) -> Any:
        key = (rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown)
        if key not in known:
            known[key] = compile_builder(rule, append_unknown)
        return known[key]

    return compile_once
