"""hwgen models: the zoo."""

from . import Answer
from .options import add_json

HELP = "list the zoo models, with their figures"
EXAMPLES = "  hwgen models\n  hwgen models --json"


def add_arguments(parser):
    add_json(parser)


def run(options, session) -> Answer:
    from .. import models
    from ..report.table import Table

    cards = []
    for name in models.names():
        card = models.card(name)
        macs = card.get("macs")
        cards.append({**card, "name": name, "macs": sum(macs.values()) if isinstance(macs, dict) else macs})
    rows = [
        [card["name"], *(card.get(key) for key in ("dataset", "accuracy", "parameters", "macs", "title"))]
        for card in cards
    ]
    table = Table(columns=["model", "data", "accuracy", "weight bits", "MACs", "what it is"], rows=rows)
    return Answer(text=table.text(), json={"models": cards})
