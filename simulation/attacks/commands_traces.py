"""Commands that cover tracks: shell histories, system logs, times of files."""

from __future__ import annotations

from simulation.attacks.tables import Place, line, run, table

table(
    "K8S.NODE_HistoryFileCleared",
    straight=[
        line("history -c", runs=[], interpreter="bash"),
        run("rm -f /root/.bash_history"),
    ],
    careful=[
        line("ln -sf /dev/null ~/.bash_history", runs=["ln -sf /dev/null /root/.bash_history"]),
        line("HISTFILE=/dev/null; set +o history", runs=[], interpreter="bash", at=Place.EXEC),
    ],
    quiet=[
        run("tail -n 20 /root/.bash_history", at=Place.EXEC),
        line("git log --oneline | grep -c history", at=Place.ENTRY),
        run("rm -f /app/data/price_history.csv", at=Place.ENTRY),
    ],
)
