"""A folder that ``engine train`` wrote: which model serves which bar, on which inputs, and until when."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from ....features.signals.outside import RECORD
from ....io.ground.errors import DamagedError, InputError
from ....io.ground.times import nanoseconds

FORMAT = "touchline-model"
VERSION = 1
#: What to do about a model that may not be used live.
AGAIN = "train it again with engine train --update, or go without it"


class ServedModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One model of a series: its file, and the moment from which it serves and up to which it learned."""

    file: str
    serves_from: str
    sha256: str
    rows: int
    events: int
    facts: dict[str, Any] = {}

    @property
    def since(self) -> int:
        """The moment from which it serves, ns."""
        return nanoseconds(self.serves_from, "serves_from")


class Trained(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ``model.toml`` says of a trained scorer."""

    format: str
    version: int
    kind: str
    target: str
    gives: str
    window: int
    features: list[str]
    seed: int
    hash: str  #: of every model and of the predictions out of fold
    expires: str
    has_skill: bool
    definitions: dict[str, str]
    asked: dict[str, Any]
    made: dict[str, Any]
    parity: dict[str, Any]
    skill: dict[str, Any]
    drift: dict[str, Any]
    models: list[ServedModel]
    content_hash: str = ""

    def signed(self) -> Trained:
        """The same with the hash of everything in it, which tells a file that was edited or damaged."""
        return msgspec.structs.replace(self, content_hash=_content_hash(self))

    def check_live(self, now: int, name: str = "this model") -> None:
        """Refuse real money to a model that has expired."""
        if now >= nanoseconds(self.expires, "expires"):
            raise InputError(f"{name} expired at {self.expires}: {AGAIN}")


def is_trained(path: Path) -> bool:
    """Whether a path is the folder of a trained model."""
    return (path / RECORD).is_file()


def read_trained(folder: Path) -> Trained:
    """Read ``model.toml``; one that was edited or damaged is an error."""
    place = folder / RECORD
    try:
        document = tomllib.loads(place.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{place} cannot be read as TOML: {error}") from None
    if document.get("format") != FORMAT or document.get("version") != VERSION:
        raise InputError(f"{place} is no {FORMAT} of version {VERSION}; engine train writes such a file")
    try:
        found = msgspec.convert(document, Trained)
    except msgspec.ValidationError as error:
        raise InputError(f"{place}: {error}") from None
    if found.content_hash != _content_hash(found):
        raise DamagedError(f"{place} is not as engine train wrote it; train the model again")
    return found


def model_bytes(folder: Path, served: ServedModel) -> bytes:
    """Read one model of a folder; one that is not as it was written is an error."""
    place = folder / served.file
    try:
        content = place.read_bytes()
    except OSError as error:
        raise InputError(f"onnx: there is no model file {place}: {error.strerror}") from None
    if hashlib.sha256(content).hexdigest() != served.sha256:
        raise DamagedError(f"{place} is not as engine train wrote it; train the model again")
    return content


def _content_hash(trained: Trained) -> str:
    document = msgspec.to_builtins(msgspec.structs.replace(trained, content_hash=""))
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]
