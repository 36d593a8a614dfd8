"""Words of shell text: quotes, escapes, expansions and substitutions."""

from __future__ import annotations

import re
from collections.abc import Callable

from detectors.commands.syntax import Item, Opaque, Parameter, Part, Substitution, Text, Word
from detectors.commands.words import unescape

NESTING = 32
"""How deep quotes, substitutions and compound commands may stand in one another."""
PIECES = 8192
"""How many words and parts of words are read of one command line."""
_ARITHMETIC = 2048
"""Longer expressions are read as the subshells they might be."""

_BARE = re.compile(r"""[^ \t\n;&|()<>$'"`\\{}]+""")
_IN_QUOTES = re.compile(r"""[^"$`\\]+""")
_IN_BRACES = re.compile(r"""[^}$`\\'"]+""")
_NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*|[0-9@*#?$!-]")
_BRACED = re.compile(
    r"(?P<prefix>[!#](?=[A-Za-z_0-9@*]))?(?P<name>[A-Za-z_][A-Za-z_0-9]*|[0-9]+|[@*#?$!-])(?:\[(?P<subscript>[^\]{}$`]*)\])?"
    r"(?P<operator>:[-=?+]|[-=?+]|##?|%%?|/[/#%]?|\^\^?|,,?|@|:)?"
)
_ANSI = re.compile(r"\$'((?:[^'\\]|\\.)*)('|$)", re.DOTALL)
_BACKTICK = re.compile(r"`((?:[^`\\]|\\.)*)(`|$)", re.DOTALL)
_BACKTICK_ESCAPE = re.compile(r"\\([`$\\])")
_PARENTHESIS = re.compile(r"[()\\]")


class Budget:
    """What is left to read of one command line, however it is nested."""

    def __init__(self, pieces: int = PIECES) -> None:
        self.pieces = pieces


class Lexer:
    """Reads words of a text from a position; the parser adds commands to it."""

    def __init__(self, text: str, depth: int, budget: Budget) -> None:
        self.text = text
        self.at = 0
        self.end = len(text)
        self.depth = depth
        self.budget = budget
        self.sound = True
        """Whether all was read, and as a shell would."""

    def items(self, *closers: str) -> list[Item]:
        """Statements up to one of the closers."""
        raise NotImplementedError

    def nested(self, text: str) -> Lexer:
        """A reader of text inside this one."""
        child = type(self)(text, self.depth + 1, self.budget)
        if child.depth > NESTING:
            child.give_up()
        return child

    def give_up(self) -> None:
        """Read no further."""
        self.sound = False
        self.at = self.end

    def peek(self) -> str:
        """The next character; empty at the end."""
        return self.text[self.at : self.at + 1]

    def starts(self, prefix: str) -> bool:
        """Whether this comes next."""
        return self.text.startswith(prefix, self.at)

    def word(self) -> Word:
        """The word at this position; empty if none stands here."""
        parts: list[Part] = []
        while self.at < self.end:
            if bare := _BARE.match(self.text, self.at):
                self.at = bare.end()
                parts.append(Text(bare[0]))
            elif not self._special(parts):
                break
            self.spend()
        return tuple(parts)

    def spend(self) -> bool:
        """Count one piece; False, and nothing more is read, if there were too many."""
        self.budget.pieces -= 1
        if self.budget.pieces < 0:
            self.give_up()
        return self.budget.pieces >= 0

    def _special(self, parts: list[Part]) -> bool:
        char = self.text[self.at]
        if char in "<>" and self.text[self.at + 1 : self.at + 2] == "(":
            parts.append(self._substitution(quoted=False, process=True))
        elif char == "'":
            parts.append(Text(self._until("'", self.at + 1), quoted=True))
        elif char == '"':
            self.at += 1
            parts.append(Text("", quoted=True))
            self._within(parts, _IN_QUOTES, '"', quoted=True)
        elif char == "\\":
            self._escape(parts)
        elif char in "$`":
            parts.append(self._expansion(quoted=False))
        elif char in "{}":
            self.at += 1
            parts.append(Text(char))
        else:
            return False
        return True

    def _until(self, mark: str, start: int) -> str:
        stop = self.text.find(mark, start)
        if stop < 0:
            self.sound = False
            stop = self.end
        self.at = min(stop + 1, self.end)
        return self.text[start:stop]

    def _escape(self, parts: list[Part]) -> None:
        if self.starts("\\\n"):
            self.at += 2
            return
        parts.append(Text(self.text[self.at + 1 : self.at + 2] or "\\", quoted=True))
        self.at = min(self.at + 2, self.end)

    def _within(self, parts: list[Part], plain: re.Pattern[str], closer: str, *, quoted: bool) -> None:
        """Parts up to the closer, which is passed; to the end of the text if the closer is empty."""
        while self.at < self.end and self.spend():
            if run := plain.match(self.text, self.at):
                self.at = run.end()
                parts.append(Text(run[0], quoted))
            elif closer and self.starts(closer):
                self.at += 1
                return
            elif self.peek() in ("$", "`"):
                parts.append(self._expansion(quoted=quoted))
            elif self.peek() == "\\":
                self._quoted_escape(parts, closer)
            elif not quoted and self._special(parts):
                continue
            else:
                parts.append(Text(self.peek(), quoted))
                self.at += 1
        self.sound = self.sound and not closer

    def _quoted_escape(self, parts: list[Part], closer: str) -> None:
        following = self.text[self.at + 1 : self.at + 2]
        if following in ("$", "`", "\\", closer):
            parts.append(Text(following, quoted=True))
        elif following != "\n":
            parts.append(Text("\\" + following, quoted=True))
        self.at = min(self.at + 2, self.end)

    def here_text(self) -> Word:
        """The whole text as the body of a here-document: expansions count, quotes do not."""
        parts: list[Part] = []
        self._within(parts, _IN_QUOTES, "", quoted=True)
        return tuple(parts)

    def _expansion(self, *, quoted: bool) -> Part:
        text, at = self.text, self.at
        if text[at] == "`":
            return self._backtick(quoted=quoted)
        following = text[at + 1 : at + 2]
        if following == "(":
            return self._arithmetic("$((", 3) or self._substitution(quoted=quoted, process=False)
        if following == "{":
            return self._deeper(lambda: self._braced(quoted=quoted))
        if following == "'" and not quoted and (ansi := _ANSI.match(text, at)):
            self.at = ansi.end()
            return Text(unescape(ansi[1]).decode(errors="replace"), quoted=True)
        if following == '"' and not quoted:
            self.at += 1
            return Text("", quoted=True)
        if name := _NAME.match(text, at + 1):
            self.at = name.end()
            return Parameter(text[at : self.at], name[0], quoted)
        self.at += 1
        return Text("$", quoted)

    def _deeper(self, inner: Callable[[], Part]) -> Part:
        start = self.at
        self.depth += 1
        if self.depth > NESTING:
            self.give_up()
            part: Part = Opaque(self.text[start : start + 64])
        else:
            part = inner()
        self.depth -= 1
        return part

    def _substitution(self, *, quoted: bool, process: bool) -> Part:
        start = self.at

        def inner() -> Part:
            self.at += 2
            body = self.items(")")
            self.close(")")
            return Substitution(self.text[start : self.at], body, quoted, process)

        return self._deeper(inner)

    def close(self, mark: str) -> None:
        """Pass the mark that must stand here."""
        if self.starts(mark):
            self.at += len(mark)
        else:
            self.sound = False

    def _backtick(self, *, quoted: bool) -> Part:
        found = _BACKTICK.match(self.text, self.at)
        if found is None:
            self.give_up()
            return Opaque("`")
        self.at = found.end()
        child = self.nested(_BACKTICK_ESCAPE.sub(r"\1", found[1]))
        body = child.items()
        self.sound = self.sound and child.sound and bool(found[2])
        return Substitution(found[0], body, quoted)

    def _arithmetic(self, opening: str, length: int) -> Opaque | None:
        """`$((...))` or `((...))`; None if it is not closed as one: then a subshell stands in a substitution."""
        if not self.starts(opening):
            return None
        depth = 2
        for found in _PARENTHESIS.finditer(self.text, self.at + length, self.at + _ARITHMETIC):
            depth += {"(": 1, ")": -1}.get(found[0], 0)
            if depth == 1 and not self.text.startswith("))", found.start()):
                break
            if depth == 1:
                source = self.text[self.at : found.start() + 2]
                child = self.nested(source[length:-2])
                self.at = found.start() + 2
                return Opaque(source, child.here_text())
        return None

    def _braced(self, *, quoted: bool) -> Part:
        start = self.at
        found = _BRACED.match(self.text, start + 2)
        if found is None:
            self._until("}", start + 2)
            return Opaque(self.text[start : self.at])
        self.at = found.end()
        operand: list[Part] = []
        self._within(operand, _IN_BRACES, "}", quoted=quoted)
        return Parameter(
            self.text[start : self.at],
            found["name"],
            quoted,
            found["subscript"] or "",
            found["prefix"] == "#",
            found["prefix"] == "!",
            found["operator"] or "",
            tuple(operand),
        )
