"""Betting pipelines and their parts: Source → Filter → Scorer → Selector → Executor."""

from __future__ import annotations

from .pipeline import Executor as Executor
from .pipeline import Filter as Filter
from .pipeline import Pipeline as Pipeline
from .pipeline import Scorer as Scorer
from .pipeline import Selector as Selector
from .pipeline import Source as Source
from .pipeline import Table as Table
from .pipeline import load_pipeline as load_pipeline
