"""What is the same for every application that a test makes is made once: half of what the tests cost.

Each test has an application of its own on a database of its own. The templates that it compiles, the statements, the
addresses and what the programme's file says are those of the application before it; its keys are taken from a few.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import cycle
from types import CodeType
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
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
    Rule.compile = _rules(Rule.compile)
    yaml.load = _documents(yaml.load)
    rsa.generate_private_key = _keys(rsa.generate_private_key)


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


def _rules(compile_rule: Callable[[Rule], None]) -> Callable[[Rule], None]:
    """By all that an address says: Werkzeug takes it apart and writes and compiles two functions for it."""
    known: dict[tuple[Any, ...], dict[str, Any]] = {}

    def compile_once(rule: Rule) -> None:
        key = (rule.rule, rule.subdomain, rule.host, rule.merge_slashes, repr(rule.defaults))
        if key not in known:
            compile_rule(rule)
            known[key] = {name: getattr(rule, name) for name in ("_parts", "_trace", "_converters", "arguments")}
            known[key] |= {name: getattr(rule, name).__func__ for name in _BUILDERS}
            return
        for name, value in known[key].items():
            setattr(rule, name, value.__get__(rule) if name in _BUILDERS else value)

    return compile_once


_BUILDERS = ("_build", "_build_unknown")


def _documents(load: Callable[..., Any]) -> Callable[..., Any]:
    """YAML by its text: the programme, which every college of a test begins with."""
    known: dict[str, Any] = {}

    def load_once(text: Any, Loader: Any) -> Any:  # noqa: N803 - PyYAML's name
        if not isinstance(text, str):
            return load(text, Loader)
        if text not in known:
            known[text] = load(text, Loader)
        return deepcopy(known[text])

    return load_once


def _keys(generate: Callable[..., RSAPrivateKey]) -> Callable[..., RSAPrivateKey]:
    """One of a few in turn, so that those of one test differ: to find one takes 25 ms."""
    known: dict[str, Iterator[RSAPrivateKey]] = {}

    def take_one(**told: Any) -> RSAPrivateKey:
        if str(told) not in known:
            known[str(told)] = cycle([generate(**told) for _ in range(8)])
        return next(known[str(told)])

    return take_one
