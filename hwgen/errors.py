"""The ways in which hwgen ends other than well; `cli` alone turns them into messages and exit statuses."""


class InputError(ValueError):
    """Bad input (exit status 2): one sentence that names the file, node or field, the reason and the mend."""


class BuildError(RuntimeError):
    """A tool or a check failed (exit status 1): one sentence with the tool, its last lines and its log's path."""


class StuckError(BuildError):
    """A tool was ended because it got no further."""


class TimingError(BuildError):
    """The design is slower than its clock; `fmax_mhz` is what it reaches."""

    def __init__(self, message: str, *, fmax_mhz: float):
        super().__init__(message)
        self.fmax_mhz = fmax_mhz
