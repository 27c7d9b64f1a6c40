"""The codes by which people come into a class, and the tokens by which it knows them again."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from clnp_core.errors import CodeError, StoreError
from clnp_core.files import write_whole

_FILE = "class.json"
_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # none that is taken for another
_STUDENTS_LETTERS, _LECTURERS_LETTERS = 6, 16
_MOST_WRONG = 10
_SECONDS_A_TRY = 2.0
_MOST_ADDRESSES = 1000


@dataclass(frozen=True)
class Visitor:
    """Somebody in a class.

    Attributes
    ----------
    name : str or None
        Of a student; None for the lecturer.
    """

    name: str | None

    @property
    def is_lecturer(self) -> bool:
        return self.name is None


@dataclass(frozen=True)
class Classroom:
    """A class, for which a store is kept.

    Attributes
    ----------
    code : str
        Lets students in.
    lecturers_code : str
        Lets the lecturer in; long enough not to be guessed.
    key : bytes
        Signs tokens.
    """

    code: str
    lecturers_code: str
    key: bytes

    @property
    def cookie(self) -> str:
        """Name of the cookie with a visitor's token: another one for each class, as a machine may have several."""
        return f"clnp-class-{hashlib.sha256(self.key).hexdigest()[:8]}"

    def token(self, visitor: Visitor) -> str:
        """Return what its visitor is known by, in letters, digits, - and _ and a dot."""
        told = base64.urlsafe_b64encode(json.dumps([visitor.name]).encode()).decode().rstrip("=")
        return f"{told}.{self._signature(told)}"

    def visitor(self, token: str) -> Visitor | None:
        """Return whose token it is; None if this class has not given it."""
        told, _, signature = token.partition(".")
        if not hmac.compare_digest(self._signature(told).encode(), signature.encode()):
            return None
        (name,) = json.loads(base64.urlsafe_b64decode(told + "=" * (-len(told) % 4)))
        return Visitor(name)

    def _signature(self, told: str) -> str:
        return hmac.new(self.key, told.encode(), hashlib.sha256).hexdigest()


def classroom_of(store: Path) -> Classroom:
    """Return the class of the store at a place, which is made at the first time and kept in the store's folder.

    Raises
    ------
    StoreError
        If its file cannot be read or written.
    """
    file = store / _FILE
    try:
        if not file.exists():
            made = {
                "code": _drawn(_STUDENTS_LETTERS),
                "lecturers_code": _drawn(_LECTURERS_LETTERS),
                "key": secrets.token_hex(32),
            }
            write_whole(file, json.dumps(made).encode(), secret=True)
        kept = json.loads(file.read_bytes())
        return Classroom(str(kept["code"]), str(kept["lecturers_code"]), bytes.fromhex(kept["key"]))
    except OSError as error:
        raise StoreError(f"The class's codes, {file}, cannot be kept: {error.strerror}.") from error
    except (ValueError, TypeError, KeyError) as error:
        raise StoreError(
            f"The class's codes, {file}, are damaged; remove the file, and there will be others."
        ) from error


def _drawn(letters: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(letters))


class Gate:
    """Lets people in who know a code, and slows those down who guess.

    From an address ten wrong codes are taken, then one every two seconds: half of all codes would take 28 years. What
    comes faster is not even looked at. The lecturer's code is always looked at.

    Parameters
    ----------
    clock : callable
        Tells the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._calm_at: dict[str | None, float] = {}  # address → when its wrong codes are forgotten

    def let_in(self, classroom: Classroom, code: str, address: str | None) -> bool:
        """Check a code, in any case of letters, with spaces and hyphens anywhere.

        Parameters
        ----------
        classroom : Classroom
        code : str
        address : str or None
            Where it comes from, as far as that is known.

        Returns
        -------
        bool
            Whether it is the lecturer's.

        Raises
        ------
        CodeError
            If it is wrong, or too many were.
        """
        given = "".join(letter for letter in code.upper() if letter.isalnum()).encode()
        if hmac.compare_digest(given, classroom.lecturers_code.encode()):
            return True
        with self._lock:
            now = self._clock()
            calm_at = max(now, self._calm_at.get(address, now))
            wait = calm_at - now - (_MOST_WRONG - 1) * _SECONDS_A_TRY
            if wait > 0:
                raise CodeError(f"Too many wrong codes were given; try again in {wait:.0f} s or a little more.")
            if hmac.compare_digest(given, classroom.code.encode()):
                return False
            if len(self._calm_at) >= _MOST_ADDRESSES:
                self._calm_at = {each: at for each, at in self._calm_at.items() if at > now}
            self._calm_at[address] = calm_at + _SECONDS_A_TRY
        raise CodeError("This is not the class's code; it stands on the lecturer's screen.")
