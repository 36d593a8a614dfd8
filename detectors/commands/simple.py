"""Simple commands of shell text: words, assignments, redirections and here-documents."""

from __future__ import annotations

import re

from detectors.commands.lexer import Budget, Lexer
from detectors.commands.syntax import Assignment, Block, Node, Redirect, Simple, Text, Word

_BLANK = re.compile(r"(?:[ \t]|\\\n)*(?:(?<![^ \t\n;&|()])#[^\n]*)?")
_REDIRECT = re.compile(
    r"([0-9]{1,4}|\{[A-Za-z_][A-Za-z_0-9]*\})?(<<<|<<-?|<>|<&|<(?!\()|>>|>\||>&|>(?!\()|&>>|&>)[ \t]*"
)
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z_0-9]*)(?:\[[^\]\s]*\])?(\+?)=")


class SimpleCommands(Lexer):
    """Reads simple commands; the parser adds what joins them."""

    def __init__(self, text: str, depth: int, budget: Budget) -> None:
        super().__init__(text, depth, budget)
        self.pending: list[tuple[Redirect, str, bool]] = []
        """Here-documents whose bodies follow: the redirection, its delimiter, whether that was quoted."""

    def stray(self, length: int) -> None:
        self.sound = False
        self.at = min(self.at + length, self.end)
        self.spend()

    def blank(self, *, newlines: bool) -> None:
        while self.at < self.end:
            blank = _BLANK.match(self.text, self.at)
            self.at = blank.end() if blank else self.at
            if not newlines or self.peek() != "\n":
                return
            self.at += 1
            if self.pending:
                self._here_documents()

    def _here_documents(self) -> None:
        pending, self.pending = self.pending, []
        for redirect, delimiter, quoted in pending:
            body = self._here_body(delimiter, strip=redirect.operator == "<<-")
            if quoted:
                redirect.target = (Text(body, quoted=True),)
            else:
                child = self.nested(body)
                redirect.target = child.here_text()
                self.sound = self.sound and child.sound

    def _here_body(self, delimiter: str, *, strip: bool) -> str:
        lines = []
        while self.at < self.end:
            stop = self.text.find("\n", self.at)
            stop = self.end if stop < 0 else stop
            line = self.text[self.at : stop]
            line = line.lstrip("\t") if strip else line
            self.at = min(stop + 1, self.end)
            if line == delimiter:
                break
            lines.append(line + "\n")
        return "".join(lines)

    def test(self) -> Node:
        simple = Simple([], [], [])
        while self.at < self.end and self.peek() != "\n":
            word = self.word()
            if not word:
                word = (Text(self.peek()),)
                self.at += 1
            simple.words.append(word)
            if word == (Text("]]"),):
                return self.redirected(simple)
            self.blank(newlines=False)
        self.sound = False
        return simple

    def redirected(self, node: Simple | Block) -> Node:
        self.blank(newlines=False)
        while self._redirect(node.redirects):
            self.blank(newlines=False)
        return node

    def simple(self) -> Node:
        simple = Simple([], [], [])
        while not self._ends():
            if self._redirect(simple.redirects) or (not simple.words and self._assignment(simple)):
                continue
            word = self.word()
            if word:
                simple.words.append(word)
            elif self.peek() == "(" and self.text[self.at - 1] == "=":
                self._array()
            elif self.at < self.end:
                self.sound = False
                break
        self.sound = self.sound and bool(simple.words or simple.assignments or simple.redirects)
        return simple

    def _ends(self) -> bool:
        self.blank(newlines=False)
        char = self.peek()
        return not char or char in "\n;|)" or (char == "&" and not self.starts("&>"))

    def _redirect(self, redirects: list[Redirect]) -> bool:
        found = _REDIRECT.match(self.text, self.at)
        if found is None:
            return False
        self.at = found.end()
        self.spend()
        number = found[1] or ""
        redirect = Redirect(found[2], int(number) if number.isdecimal() else None, self.word())
        redirects.append(redirect)
        if redirect.operator in ("<<", "<<-"):
            texts = [part for part in redirect.target if isinstance(part, Text)]
            quoted = any(part.quoted for part in texts)
            self.pending.append((redirect, "".join(part.text for part in texts), quoted))
            redirect.target = ()
        return True

    def _assignment(self, simple: Simple) -> bool:
        found = _ASSIGNMENT.match(self.text, self.at)
        if found is None:
            return False
        self.at = found.end()
        assignment = Assignment(found[1], [], bool(found[2]))
        if self.peek() == "(":
            assignment.array = True
            assignment.values = self._array()
        else:
            assignment.values = [self.word()]
        simple.assignments.append(assignment)
        return True

    def _array(self) -> list[Word]:
        self.at += 1
        words: list[Word] = []
        while True:
            self.blank(newlines=True)
            word = self.word()
            if not word:
                break
            words.append(word)
        self.close(")")
        return words
