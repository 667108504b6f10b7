"""Quoting models: what one is, what it is told, how it is found and told from another."""

from __future__ import annotations

from .book import imbalance as imbalance
from .book import size_within as size_within
from .model import QuotingModel as QuotingModel
from .scores import reward_rate as reward_rate
