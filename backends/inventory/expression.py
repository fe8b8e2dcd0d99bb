"""The grammar that selectors and the console's filter share: `!` not, `&` and, `,` or, parentheses, atoms between them.

    or   = and  { ("," | "|") and }
    and  = not  { "&" not }          (the filter also takes a space)
    not  = "!" not | "(" or ")" | ATOM

Pure: text to tree, with the column of everything, so that errors can point at the place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

MAX_LENGTH = 20_000
"""Characters of one expression."""

MAX_DEPTH = 50
"""Of parentheses and negations."""


class Atom(msgspec.Struct, frozen=True):
    """What stands between the operators."""

    text: str
    column: int
    """Counted from 0."""
    quoted: bool = False


class Not(msgspec.Struct, frozen=True):
    """Everything but."""

    inner: Node


class Both(msgspec.Struct, frozen=True):
    """All of the parts."""

    parts: tuple[Node, ...]


class Either(msgspec.Struct, frozen=True):
    """Any of the parts."""

    parts: tuple[Node, ...]


Node = Atom | Not | Both | Either


class Wrong(Exception):  # never leaves this package: the two languages turn it into their own errors
    """The text is not an expression."""

    def __init__(self, message: str, column: int, hint: str = ""):
        super().__init__(message)
        self.message = message
        self.column = column
        """Counted from 0."""
        self.hint = hint


_TOKEN = re.compile(
    r'(?P<space>\s+)|(?P<operator>[,|&!()])|"(?P<quoted>[^"]*)(?P<close>"?)|(?P<atom>(?:\[[^\[\]]*\]|!=|[^\s,|&!()"])+)'
)


_COMPARISON = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*\s*(?:>=|<=|!=|==|=|>|<)\s*[^\s,|&!()\"]*")
"""In the filter a comparison is one atom, spaces or not: "gpu > 80"."""


class _Token(msgspec.Struct, frozen=True):
    kind: str
    """An operator's character, "atom", "quoted" or "end"."""
    text: str
    column: int
    spaced: bool = False
    """Whether a space stands before it."""


def parse(text: str, *, space_is_and: bool = False) -> Node | None:
    """The tree of `text`; None when it is empty.

    Args:
        text: what the operator typed.
        space_is_and: whether two atoms with only a space between them mean "and", and comparisons may have spaces.

    Raises:
        Wrong: with the column and what was expected there.
    """
    if len(text) > MAX_LENGTH:
        raise Wrong(f"longer than {MAX_LENGTH} characters", MAX_LENGTH)
    tokens = list(_tokens(text, space_is_and))
    if len(tokens) == 1:
        return None
    parser = _Parser(tokens, space_is_and)
    node = parser.either(0)
    parser.end()
    return node


def _tokens(text: str, comparisons: bool) -> Iterator[_Token]:
    position, spaced = 0, False
    while position < len(text):
        if comparisons and (match := _COMPARISON.match(text, position)):
            yield _Token("atom", match[0].rstrip(), position, spaced)
            position, spaced = match.end(), match[0][-1].isspace()
            continue
        match = _TOKEN.match(text, position)
        if match is None:  # a lone bracket is part of no atom
            raise Wrong(f'"{text[position]}" is not closed', position)
        if match["operator"]:
            yield _Token(match["operator"].replace("|", ","), match["operator"], position, spaced)
        elif match["atom"]:
            yield _Token("atom", match["atom"], position, spaced)
        elif match["quoted"] is not None:
            if not match["close"]:
                raise Wrong("the quotation mark is not closed", position)
            yield _Token("quoted", match["quoted"], position, spaced)
        spaced = match["space"] is not None
        position = match.end()
    yield _Token("end", "", len(text), spaced)


class _Parser:
    """Recursive descent over the tokens of one text."""

    def __init__(self, tokens: list[_Token], space_is_and: bool):
        self._tokens = tokens
        self._next = 0
        self._space_is_and = space_is_and

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._token
        self._next += 1
        return token

    def either(self, depth: int) -> Node:
        parts = [self._both(depth)]
        while self._token.kind == ",":
            self._take()
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _both(self, depth: int) -> Node:
        parts = [self._single(depth)]
        while self._token.kind == "&" or self._continues():
            if self._token.kind == "&":
                self._take()
            parts.append(self._single(depth))
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def _continues(self) -> bool:
        return self._space_is_and and self._token.spaced and self._token.kind in ("atom", "quoted", "!", "(")

    def _single(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise Wrong("nested too deeply", self._token.column)
        token = self._take()
        match token.kind:
            case "!":
                return Not(self._single(depth + 1))
            case "(":
                node = self.either(depth + 1)
                if self._token.kind != ")":
                    raise Wrong('")" is missing', self._token.column)
                self._take()
                return node
            case "atom" | "quoted":
                return Atom(token.text, token.column, token.kind == "quoted")
            case "end":
                raise Wrong("something is missing at the end", token.column)
            case _:
                raise Wrong(f'something is missing before "{token.text}"', token.column)

    def end(self) -> None:
        """Nothing may be left."""
        token = self._token
        if token.kind == ")":
            raise Wrong('")" without "("', token.column)
        if token.kind != "end":
            raise Wrong(
                f'"," or "&" is missing before "{token.text}"',
                token.column,
                "a,b is either, a&b is both, a&!b leaves b out",
            )
