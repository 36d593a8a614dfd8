"""Command lines, read for what they do instead of for the words in them.

`read(process)` gives the commands of one execution: the program itself, or, where it starts others (`sudo`,
`find -exec`, `kubectl exec`) or is given shell text (`sh -c`, `eval`, a here-document, `echo ... | base64 -d | sh`),
what is started. Nothing is run or looked up; the time is bounded; nothing raises.

What cannot be known stays as written, and the command is `unknown`. Unknown is not clean: a detector may stay quiet on
a command that it knows to be harmless, never on one that it does not know.

The reading is that of bash, with a parser of its own. A generated grammar (tree-sitter's, for bash) was tried: it
needed a minute for 64 KiB of `a|`, and misread what attackers write, such as `{cat,/etc/passwd}` and `wget$IFS-O-`.

Conventions
-----------
- Wrappers are taken off and listed in `wrappers`. Those that do something of their own stand as a command too, before
  what they start: `find`, `nsenter`, `unshare`, `chroot`, `strace`, `su`, `docker`, `kubectl`, `proxychains` ...
- A shell that is given its text by `-c` is no command of its own; one that reads it from a pipe or a file is.
- `x=1` and `> file` alone are commands without a name that are not `unknown`.
- A command without a name but with `substitutions` runs what those print: `$(curl ...)`, `sh -c "$(curl ...)"`.
- A program in a temporary folder, a hidden file or memory whose first word is a program of busybox is read as busybox.
- All branches are read, in the order of the text, and functions where they are called. Words of a `for` are followed.
- If a bound is reached, a command without a name, `unknown`, stands where the reading ended.

Blind spots
-----------
- The environment, the files and the history of the shell: `$X` set elsewhere, aliases, patterns (`/bin/c?t` stays
  so, and is `unknown`), scripts on disk. What the same text writes with `echo ... >` or a here-document and then runs
  is read.
- Of a variable set in several branches the last value is read, and the command is `unknown`.
- Arithmetic, `read`, `sed`, `awk`, `python -c` and other programs that make text: their output is not known. What
  `echo`, `printf`, `cat`, `base64`, `base32`, `openssl base64`, `xxd -r -p`, `rev`, `tr` and `gzip -d` print, is.
- Programs started from the text of another language (`awk 'BEGIN{system("id")}'`, `perl -e`, `vim -c '!sh'`), a shell
  under another name, and what `ssh`, `docker run` and a debugger run.
- What `bash -s` is fed by another process, and what `PROMPT_COMMAND` or `BASH_ENV` run.
- Sensors that join the arguments lose their borders: where quotes are ambiguous the first balanced reading counts, and
  unquoted text after `-c` is read to the end of the line.
- Syntax of csh and fish that is not that of POSIX.
"""

from detectors.commands.command import Command, Redirection, sources
from detectors.commands.options import options, script, takes_program_from_input
from detectors.commands.reader import read

__all__ = ["Command", "Redirection", "options", "read", "script", "sources", "takes_program_from_input"]
