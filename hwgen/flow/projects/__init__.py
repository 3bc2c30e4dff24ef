"""Projects for the tools of FPGA vendors, which alone make bitstreams of some families: written whole, and synthesised
by Yosys, to see that they can be and what they take."""

from .project import Project, estimate, files, project
from .vendors import VENDORS

__all__ = ["VENDORS", "Project", "estimate", "files", "project"]
