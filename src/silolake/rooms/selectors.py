"""Which accounts something is for.

    selector    := alternative {"," alternative}      any alternative may hold
    alternative := term {" " term}                    every term must hold
    term        := ["-"] ("all" | "ou:" unit | "account:" name | "tag:" key "=" value)

``ou:silos tag:kind=airport`` is the airports among the silos; ``ou:silos -account:lga`` all silos but one;
``account:ewr, account:jfk`` those two.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from silolake.model import Account, OuPath

_TERM = re.compile(r"(-?)(?:(all)|(ou|account):([a-z][a-z0-9_-]*)|(tag):([^\s,=]+)=([^\s,]+))")
_NOT_SLUG = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Term:
    """One condition of a selector.

    Attributes:
        excludes: whether accounts that meet it are left out.
        kind: what it looks at.
        name: the unit's or account's name, or the tag's key.
        value: the tag's value.
    """

    excludes: bool
    kind: Literal["all", "ou", "account", "tag"]
    name: str = ""
    value: str = ""


@dataclass(frozen=True)
class Selector:
    """A selector, parsed.

    Attributes:
        text: as it was written, blanks evened out.
        alternatives: of which one must hold, each term of it.
    """

    text: str
    alternatives: tuple[tuple[Term, ...], ...]

    def __str__(self) -> str:
        return self.text

    @property
    def slug(self) -> str:
        """The selector as part of a table's name.

        >>> parse("ou:silos -account:lga").slug
        'ou_silos_not_account_lga'
        """
        words = self.text.lower().replace(",", " or ").replace(" -", " not ")
        return _NOT_SLUG.sub("_", words.removeprefix("-")).strip("_")

    @property
    def units(self) -> tuple[str, ...]:
        """The units it names."""
        return tuple(term.name for terms in self.alternatives for term in terms if term.kind == "ou")

    @property
    def accounts(self) -> tuple[str, ...]:
        """The accounts it names."""
        return tuple(term.name for terms in self.alternatives for term in terms if term.kind == "account")

    def matches(self, account: Account, units: Mapping[str, OuPath]) -> bool:
        """Whether an account is meant.

        Args:
            account: as the organization answers it.
            units: where each unit hangs, by its name; a unit that is not there holds no account.
        """
        within = {name for name, path in units.items() if path.holds(account.path)}
        return self.selects(account.name, within, account.tags)

    def selects(self, name: str, units: set[str] | frozenset[str], tags: Mapping[str, str]) -> bool:
        """Whether an account of that name, in those units, with those tags is meant; it need not exist yet."""

        def holds(term: Term) -> bool:
            match term.kind:
                case "all":
                    met = True
                case "ou":
                    met = term.name in units
                case "account":
                    met = term.name == name
                case "tag":
                    met = tags.get(term.name) == term.value
            return met != term.excludes

        return any(all(holds(term) for term in terms) for terms in self.alternatives)


def parse(text: str) -> Selector:
    """Read a selector.

    Raises:
        ValueError: where it does not follow the grammar, or can never hold; the text says what to write.

    >>> parse("ou:silos   tag:kind=airport").text
    'ou:silos tag:kind=airport'
    >>> parse("silos")
    Traceback (most recent call last):
    ValueError: 'silos' is no term; write all, ou:<unit>, account:<name> or tag:<key>=<value>, or - and one of these
    """
    alternatives = tuple(_alternative(part) for part in text.split(","))
    evened = ", ".join(" ".join(part.split()) for part in text.split(","))
    return Selector(evened, alternatives)


def _alternative(text: str) -> tuple[Term, ...]:
    terms = tuple(_term(word) for word in text.split())
    if not terms:
        raise ValueError("it names no account; write all, ou:<unit>, account:<name> or tag:<key>=<value>")
    if all(term.excludes for term in terms):
        raise ValueError(f"{text.strip()!r} only excludes; begin with what is meant, such as all {text.strip()}")
    if len({term.name for term in terms if term.kind == "account" and not term.excludes}) > 1:
        raise ValueError(f"{text.strip()!r} asks for an account with two names; separate the names by commas")
    if len(set(terms)) != len(terms):
        raise ValueError(f"{text.strip()!r} says a term twice; take one away")
    return terms


def _term(word: str) -> Term:
    found = _TERM.fullmatch(word)
    if not found:
        known = "all, ou:<unit>, account:<name> or tag:<key>=<value>, or - and one of these"
        raise ValueError(f"{word!r} is no term; write {known}")
    excludes = bool(found[1])
    if found[2]:
        return Term(excludes, "all")
    if found[5]:
        return Term(excludes, "tag", found[6], found[7])
    return Term(excludes, "ou" if found[3] == "ou" else "account", found[4])
