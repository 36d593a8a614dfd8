"""Names of clusters, teams, workloads and people, drawn for each seed. All are invented."""

from __future__ import annotations

from simulation.chance import Chance

REGIONS = ("weu", "neu", "eus", "wus", "sea", "uks", "frc", "brs")
STAGES = ("prod", "prod", "prod", "stage", "dev")
COMPANIES = ("contoso", "fabrikam", "northwind", "tailspin", "wingtip", "litware", "adatum", "proseware")
TEAMS = (
    "shop", "billing", "search", "identity", "logistics", "media", "pricing", "support", "catalog", "fraud", "data",
    "mobile", "partners", "reports", "loyalty", "returns", "warehouse", "content", "email", "tax", "insights",
)  # fmt: skip
APPS = (
    "api", "web", "worker", "gateway", "sync", "importer", "exporter", "notifier", "scheduler", "cache", "db", "queue",
    "admin", "feed", "resizer", "mailer", "ledger", "quotes", "events", "index", "crawler", "sessions", "rates",
)  # fmt: skip
FIRST = (
    "maria", "jonas", "amira", "li", "sofia", "david", "priya", "tom", "elena", "kofi", "hannah", "mateo", "yuki",
    "lars", "chloe", "omar", "ines", "pavel", "nora", "samuel", "aisha", "bruno", "greta", "victor", "leila",
)  # fmt: skip
LAST = (
    "alvarez", "berg", "chen", "dubois", "eriksen", "fischer", "garcia", "haddad", "ito", "jansen", "kowalski", "lopez",
    "martin", "novak", "okafor", "patel", "rossi", "silva", "tanaka", "urban", "vogel", "weber", "yilmaz", "zhang",
)  # fmt: skip


def distinct(chance: Chance, names: tuple[str, ...], count: int) -> list[str]:
    """So many different names; beyond the list they are numbered."""
    first = chance.picks(names, count)
    return first + [f"{names[place % len(names)]}-{place // len(names) + 1}" for place in range(count - len(first))]


class Cast:
    """The names of one simulated company.

    Parameters
    ----------
    seed
        Of the simulation.
    """

    def __init__(self, seed: int) -> None:
        chance = Chance(seed, "cast")
        self.company = chance.pick(COMPANIES)
        self.domain = f"{self.company}.example"
        self.registry = f"registry.{self.domain}"
        self._chance = chance

    def clusters(self, count: int) -> list[str]:
        """Names of clusters, such as `prod-weu-1`."""
        chance = self._chance.child("clusters")
        return [f"{chance.pick(STAGES)}-{chance.pick(REGIONS)}-{place + 1}" for place in range(count)]

    def people(self, count: int) -> list[str]:
        """Mail addresses."""
        chance = self._chance.child("people")
        names: dict[str, None] = {}
        while len(names) < count:
            name = f"{chance.pick(FIRST)}.{chance.pick(LAST)}"
            names[f"{name}{len(names) // 300 or ''}@{self.domain}"] = None
        return list(names)
