"""One figure of merit."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Row:
    """A figure, ours and a peer's.

    Parameters
    ----------
    what : what is measured
    ours : our figure; None where it could not be measured, and then `method` says why
    unit : of ours, theirs and the goal
    peer : who or what it is compared with
    theirs : the peer's figure; None: not measured or not known
    goal : figure to reach, None if there is none
    more_is_better : whether ours should be at least the goal, or at most
    method : how it was measured, in a sentence
    details : further figures, for the JSON
    """

    what: str
    ours: float | None
    unit: str
    peer: str
    theirs: float | None
    goal: float | None
    more_is_better: bool
    method: str
    details: dict = field(default_factory=dict)

    @property
    def reached(self) -> bool | None:
        """Whether the goal is met; None where there is nothing to compare."""
        if self.ours is None or self.goal is None:
            return None
        return self.ours >= self.goal if self.more_is_better else self.ours <= self.goal
