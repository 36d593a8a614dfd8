"""A tolerant parser of shell text: it takes any text, in linear time, and says when it did not understand.

The grammar is that of POSIX, with what bash, zsh and ksh add and people use. What decides here is which commands run
and with which words; so a closing word may be missing, and a stray one is passed over and noted.
"""

from __future__ import annotations

import re

from detectors.commands.lexer import NESTING, Budget
from detectors.commands.simple import SimpleCommands
from detectors.commands.syntax import Block, Item, Node, Pipeline, Word

_WORD_END = r"(?=[ \t\n;&|()<>]|$)"
_OPENING = re.compile(rf"(if|while|until|for|select|case|function|\{{){_WORD_END}")
_CLOSING = re.compile(rf"(then|elif|else|fi|do|done|esac|\}}){_WORD_END}")
_PREFIX = re.compile(rf"(?:!|time(?:[ \t]+-p)?|coproc){_WORD_END}")
_IN = re.compile(rf"[ \t\n]*in{_WORD_END}")
_FUNCTION = re.compile(r"""([^ \t\n;&|()<>$'"`\\{}=]+)[ \t]*\([ \t]*\)\s*""")
_FUNCTION_NAME = re.compile(r"([^ \t\n;&|()<>]*)[ \t]*(?:\([ \t]*\))?\s*")
_VARIABLE = re.compile(r"[ \t]*([A-Za-z_][A-Za-z_0-9]*)?")
_BLOCKS = {
    "if": ("then", "elif", "else", "fi"),
    "while": ("do", "done"),
    "until": ("do", "done"),
    "for": ("do", "done"),
    "{": ("}",),
}
_KINDS = {"{": "group", "until": "while"}


class Parser(SimpleCommands):
    """Reads statements of a text."""

    def items(self, *closers: str) -> list[Item]:
        found: list[Item] = []
        connector = ""
        self.depth += 1
        if self.depth > NESTING:
            self.give_up()
        while self._another(closers) and self.spend():
            before = self.at
            item = Item(self._pipeline(), connector)
            found.append(item)
            connector = self._connector(item)
            if self.at == before:
                self.stray(1)
        self.sound = self.sound and not connector
        self.depth -= 1
        return found

    def _another(self, closers: tuple[str, ...]) -> bool:
        """Go to the next statement; False at a closer and at the end."""
        while True:
            self.blank(newlines=True)
            if self.at >= self.end:
                return False
            closing = _CLOSING.match(self.text, self.at)
            mark = closing[1] if closing else ";;" if self.starts(";;") or self.starts(";&") else self.peek()
            if mark in closers:
                return False
            if not closing and mark not in (";;", ";", ")"):
                return True
            self.stray(len(mark))

    def _connector(self, item: Item) -> str:
        self.blank(newlines=False)
        for connector in ("&&", "||"):
            if self.starts(connector):
                self.at += 2
                return connector
        if self.peek() == "&":
            self.at += 1
            item.background = True
        elif self.starts(";") and not self.starts(";;") and not self.starts(";&"):
            self.at += 1
        return ""

    def _pipeline(self) -> Node:
        while prefix := _PREFIX.match(self.text, self.at):
            self.at = prefix.end()
            self.blank(newlines=False)
        stages = [self._command()]
        while True:
            self.blank(newlines=False)
            if self.peek() != "|" or self.starts("||"):
                break
            self.at += 2 if self.starts("|&") else 1
            self.blank(newlines=True)
            if not self.spend():
                break
            stages.append(self._command())
        return stages[0] if len(stages) == 1 else Pipeline(stages)

    def _command(self) -> Node:
        if opening := _OPENING.match(self.text, self.at):
            self.at = opening.end()
            return self._block(opening[1])
        if self.peek() == "(":
            return self._parenthesis()
        if self.starts("[[ "):
            return self.test()
        if function := _FUNCTION.match(self.text, self.at):
            self.at = function.end()
            return self._function(function[1])
        return self.simple()

    def _block(self, word: str) -> Node:
        if word == "function":
            name = _FUNCTION_NAME.match(self.text, self.at + 1)
            self.at = name.end() if name else self.at
            return self._function(name[1] if name else "")
        if word == "case":
            return self._case()
        block = Block(_KINDS.get(word, word), [], [])
        if word in ("for", "select"):
            block.kind = "for"
            self._loop_header(block)
        self._bodies(block, _BLOCKS.get(word, ("do", "done")))
        return self.redirected(block)

    def _loop_header(self, block: Block) -> None:
        variable = _VARIABLE.match(self.text, self.at)
        if variable:
            self.at = variable.end()
            block.name = variable[1] or ""
        if not block.name and (arithmetic := self._arithmetic("((", 2)):
            block.words = [(arithmetic,)]
        elif within := _IN.match(self.text, self.at):
            self.at = within.end()
            block.words = self._words()
        self.blank(newlines=False)
        self.at += self.starts(";")

    def _words(self) -> list[Word]:
        words: list[Word] = []
        self.blank(newlines=False)
        while word := self.word():
            words.append(word)
            self.blank(newlines=False)
        return words

    def _bodies(self, block: Block, closers: tuple[str, ...]) -> None:
        while True:
            block.bodies.append(self.items(*closers))
            closing = _CLOSING.match(self.text, self.at)
            if closing is None:
                self.sound = False
                return
            self.at = closing.end()
            if closing[1] == closers[-1]:
                return

    def _case(self) -> Node:
        self.blank(newlines=False)
        block = Block("case", [], [], words=[self.word()])
        within = _IN.match(self.text, self.at)
        self.at = within.end() if within else self.at
        while True:
            self.blank(newlines=True)
            closing = _CLOSING.match(self.text, self.at)
            if self.at >= self.end or closing:
                break
            self._patterns()
            block.bodies.append(self.items(";;", "esac"))
            while self.at < self.end and self.peek() in ";&":
                self.at += 1
        self.close("esac")
        return self.redirected(block)

    def _patterns(self) -> None:
        while self.at < self.end and self.peek() != ")":
            before = self.at
            self.word()
            self.blank(newlines=True)
            if self.at == before:
                self.sound = self.sound and self.peek() in "(|"
                self.at += 1
        self.at = min(self.at + 1, self.end)

    def _function(self, name: str) -> Node:
        self.depth += 1
        if self.depth > NESTING:
            self.give_up()
        body = Item(self._command())
        self.depth -= 1
        return Block("function", [[body]], [], name=name)

    def _parenthesis(self) -> Node:
        if arithmetic := self._arithmetic("((", 2):
            return self.redirected(Block("group", [], [], words=[(arithmetic,)]))
        self.at += 1
        block = Block("subshell", [self.items(")")], [])
        self.close(")")
        return self.redirected(block)


def parse(text: str, depth: int, budget: Budget) -> tuple[list[Item], bool]:
    """Statements of a text, and whether all of it was understood."""
    parser = Parser(text, depth, budget)
    items = parser.items()
    return items, parser.sound and not parser.pending
