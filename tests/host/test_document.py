"""The page of the protocol is what its definitions say."""

from pathlib import Path

from hwgen.host import document
from hwgen.host.protocol import COMMANDS, REPLIES, Command, Reply


def test_page_is_up_to_date():
    page = Path(__file__).parents[2] / "docs" / "protocol.md"
    assert page.read_text() == document.page().rstrip() + "\n", "python -m hwgen.host.document > docs/protocol.md"


def test_every_message_is_defined():
    assert [message.code for message in COMMANDS] == list(Command)
    assert [message.code for message in REPLIES] == list(Reply)
