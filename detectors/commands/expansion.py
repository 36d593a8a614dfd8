"""From words as written to the words that a program is given."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

from detectors.commands.braces import expanded, has_braces
from detectors.commands.parameters import modified
from detectors.commands.scope import VALUE_LENGTH, Scope, Value
from detectors.commands.syntax import Opaque, Parameter, Part, Substitution, Text, Word
from detectors.commands.words import Unresolved

_ALTERNATIVE_COST = 32


@functools.lru_cache(maxsize=64)
def _separator(separators: str) -> re.Pattern[str]:
    """Matches what stands between two fields: white space counts once, other separators each."""
    space = "".join(char for char in separators if char in " \t\n")
    other = "".join(char for char in separators if char not in " \t\n")
    spaces = f"[{re.escape(space)}]" if space else "(?!)"
    return re.compile(rf"(?:{spaces})*[{re.escape(other)}](?:{spaces})*|(?:{spaces})+" if other else f"{spaces}+")


class Fields:
    """Collects the words that one written word becomes."""

    def __init__(self, separators: str) -> None:
        self.separators = separators
        self.done: list[str] = []
        self.written: list[str] = []
        self.known: list[str] = []
        self.open = False
        self.certain = True

    def add(self, text: str) -> None:
        """Text that is not split."""
        self.written.append(text)
        self.known.append(text)
        self.open = True

    def add_unknown(self, source: str) -> None:
        """Something of which only the source is known."""
        self.written.append(source)
        self.open = True
        self.certain = False

    def add_value(self, value: Value, *, quoted: bool) -> None:
        """The value of an expansion: split unless quoted."""
        pieces = [value.text] if quoted or not self.separators else _separator(self.separators).split(value.text)
        for number, piece in enumerate(pieces):
            if number:
                self.close()
            self.certain = self.certain and value.certain
            if piece or quoted:
                self.add(piece)

    def close(self) -> None:
        """End the word that is open."""
        if self.open:
            text = "".join(self.written)
            self.done.append(text if self.certain else Unresolved(text, "".join(self.known)))
        self.written, self.known, self.open, self.certain = [], [], False, True


class Expander:
    """Expands the words of one command.

    Parameters
    ----------
    scope
        The shell's variables.
    substitute
        Reads a substitution: the index of the command that prints, and what it prints, each None if not known.
    spend
        Is told of every length of text made; False if there was too much.
    """

    def __init__(
        self,
        scope: Scope,
        substitute: Callable[[Substitution, Scope], tuple[int | None, str | None]],
        spend: Callable[[int], bool],
    ) -> None:
        self.scope = scope
        self.substitute = substitute
        self.spend = spend
        self.substitutions: list[int] = []

    def words(self, word: Word) -> list[str]:
        """The words that one written word becomes: none, one or several."""
        if len(word) == 1 and isinstance(word[0], Text):
            return [word[0].text]
        if not self.spend(len(word)):
            return [Unresolved("")]
        if has_braces(word):
            alternatives = expanded(word)
            if alternatives is None or not self.spend(_ALTERNATIVE_COST * len(alternatives)):
                text = self.text(word)
                return [Unresolved(text, text)]
            return [field for alternative in alternatives for field in self._fields(alternative)]
        return self._fields(word)

    def _fields(self, word: Word) -> list[str]:
        fields = Fields(self.scope.separators)
        for part in word:
            self._add(fields, part, split=True)
        fields.close()
        self.spend(sum(map(len, fields.done)))
        return fields.done

    def text(self, word: Word) -> str:
        """The one string that a word becomes where the shell does not split: assignments, targets, here-documents."""
        if len(word) == 1 and isinstance(word[0], Text):
            return word[0].text
        fields = Fields("")
        for part in word:
            self._add(fields, part, split=False)
        fields.close()
        self.spend(sum(map(len, fields.done)))
        return fields.done[0] if fields.done else ""

    def _add(self, fields: Fields, part: Part, *, split: bool) -> None:
        if isinstance(part, Text):
            if part.text or part.quoted:
                fields.add(part.text)
            return
        value = self.value(part)
        if value is None:
            fields.add_unknown(part.source)
        elif split and isinstance(part, Parameter) and value.items is not None:
            self._elements(fields, part, value)
        else:
            fields.add_value(value, quoted=not split or (not isinstance(part, Opaque) and part.quoted))

    def _elements(self, fields: Fields, part: Parameter, value: Value) -> None:
        if part.quoted and "*" in (part.name, part.subscript):
            fields.add_value(value, quoted=True)
            return
        for number, item in enumerate(value.items or ()):
            if number:
                fields.close()
            fields.add_value(Value(item, value.certain), quoted=part.quoted)

    def value(self, part: Parameter | Substitution | Opaque) -> Value | None:
        """What an expansion stands for; None if it is not known."""
        if isinstance(part, Parameter):
            return self._parameter(part)
        if isinstance(part, Opaque):
            self.text(part.inner)
            return None
        index, printed = self.substitute(part, self.scope)
        if index is not None:
            self.substitutions.append(index)
        return None if printed is None or part.process else Value(printed[:VALUE_LENGTH], len(printed) <= VALUE_LENGTH)

    def _parameter(self, part: Parameter) -> Value | None:
        value = self.scope.get(part.name)
        self.substitutions += value.sources if value is not None else ()
        operand = self._operand(part.operand)
        if part.indirect:
            value = None if value is None or not value.certain else self.scope.get(value.text)
        if value is not None and part.name not in ("@", "*"):
            value = _element(value, part.subscript)
        if part.length:
            return None if value is None else Value(str(len(value.text)), value.certain)
        if part.operator:
            value = modified(part.name, value, part.operator, operand)
        if value is not None and part.operator in ("=", ":=") and not part.subscript:
            self.scope.assign(part.name, value)
        return value

    def _operand(self, word: Word) -> Value:
        text = self.text(word)
        return Value(text, type(text) is str)


def _element(value: Value, subscript: str) -> Value | None:
    if value.items is None or subscript in ("@", "*"):
        return value
    if subscript and (not subscript.isdecimal() or len(subscript) > 4):
        return None
    number = int(subscript or 0)
    return Value(value.items[number] if number < len(value.items) else "", value.certain)
