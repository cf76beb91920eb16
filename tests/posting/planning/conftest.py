"""The owner, the channel and the line of the posting tests."""

from tests.posting.conftest import line, news, who

__all__ = ["line", "news", "who"]
