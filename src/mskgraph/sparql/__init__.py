"""Queries that somebody else wrote: run apart from this process, without network, under limits that hold; and the
SPARQL 1.1 Protocol, by which programs ask them (``protocol``, which alone needs a web framework).

The embedded engine cannot be interrupted, so each query runs in a process of its own that is ended at its deadline.
Linux on x86-64 or ARM64 only: elsewhere the network cannot be shut off, and queries are refused rather than run
unguarded.
"""

from mskgraph.sparql.messages import End, Request
from mskgraph.sparql.negotiation import preferred
from mskgraph.sparql.worker import Finished, Reply, Worker

__all__ = ["End", "Finished", "Reply", "Request", "Worker", "preferred"]
