"""Quoting models: what one is, what it is told, how it is found and told from another."""

from __future__ import annotations

from .model import QuotingModel as QuotingModel
