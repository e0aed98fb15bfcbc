"""An option of a training run: its kind, defaults, range and help."""

import dataclasses
import importlib
import math
import numbers
from collections.abc import Mapping
from typing import Any

from keras_mixgan.utils.checks import one_of
from keras_mixgan.utils.errors import UserError

# What a message calls a value of each kind, and the types it may have.
_KINDS = {
    str: ("a string", str),
    int: ("an integer", numbers.Integral),
    float: ("a number", numbers.Real),
    bool: ("true or false", bool),
    list: ("a list of strings", list | tuple),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Option:
    """One option.

    Attributes:
        name: Name of the setting, of the flag and of the argument.
        flag: Name of the flag, if it differs: `from` is a Python keyword.
        kind: `str`, `int`, `float`, `bool`, or `list` of strings.
        to: The receiver of the value, as an argument of this name: "data"
            (`load_source`), "networks" (`architectures.build`), "model"
            (`MixGAN`), "compile" (`MixGAN.compile`) or "optimizer" (the Keras
            optimizers of both sides). They get it unless it is `None`. A run
            uses "settings" itself. "run" are arguments of `runs.train`: they
            are not settings, and may change when a run is resumed. The command
            line uses "command" itself.
        help: The help text.
        default: The general default; `None` for the receiver's own.
        by: Other defaults, by architecture; "digits" stands for the bundled
            digits with dcgan.
        choices: The allowed names; empty if there is no such list.
        registry: "module:attribute" of the dict whose keys are the choices;
            `choices` repeats them for the help.
        or_file: Ending of a file name that is allowed besides the choices.
        least: The smallest allowed value.
        above: The value must be greater than this.
        below: The value must be less than this.
        zero: Whether `nothing` (0, or an empty list) means none.
        shown: The general default as help shows it, if not `default`.
        placeholder: What stands for the value in help.
    """

    name: str
    kind: type
    to: str
    help: str
    default: Any = None
    by: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    choices: tuple[str, ...] = ()
    registry: str | None = None
    or_file: str | None = None
    least: float | None = None
    above: float | None = None
    below: float | None = None
    zero: bool = False
    shown: str | None = None
    placeholder: str | None = None
    flag: str | None = None

    @property
    def flag_name(self) -> str:
        """What a user types after the two dashes."""
        return self.flag or self.name

    @property
    def is_setting(self) -> bool:
        """Whether it is a field of `Settings`."""
        return self.to not in ("run", "command")

    @property
    def nothing(self) -> Any:
        """The value that means none; `None` if there is no such value."""
        if not self.zero:
            return None
        return () if self.kind is list else 0

    def check(self, value: Any) -> None:
        """Checks a value; `None` is always valid."""
        if value is None:
            return
        if self.or_file and str(value).endswith(self.or_file):
            return
        if self.choices:
            one_of(self.name, value, self._known())
        elif not self._is_of_kind(value) or not self._is_within(value):
            self._refuse(value)

    def text_of(self, value: Any) -> str:
        """A value as a user types it."""
        if value is None:
            return "0" if self.nothing == 0 else "none"
        if isinstance(value, list | tuple):
            return ",".join(value)
        if isinstance(value, float):
            short = f"{value:.0e}".replace("e-0", "e-")
            is_short = 0 < value < 0.01 and float(short) == value
            return short if is_short else repr(value).removesuffix(".0")
        return str(value)

    @property
    def default_text(self) -> str | None:
        """All defaults, as help shows them; `None` if there are none."""
        general = self.shown
        if general is None and (self.default is not None or self.zero):
            general = self.text_of(self.default)
        names: dict[str, list[str]] = {}
        for name, value in self.by.items():
            names.setdefault(self.text_of(value), []).append(name)
        texts = [f"{', '.join(n)}: {text}" for text, n in names.items()]
        return "; ".join([general, *texts] if general else texts) or None

    @property
    def description(self) -> str:
        """The help, with all choices."""
        if all(f"{choice}:" in self.help for choice in self.choices):
            return self.help
        *others, last = self.choices
        return f"{', '.join(others)} or {last}. {self.help}"

    def _known(self):
        if self.registry is None:
            return self.choices
        module, _, attribute = self.registry.partition(":")
        return getattr(importlib.import_module(module), attribute)

    def _is_of_kind(self, value: Any) -> bool:
        if not isinstance(value, _KINDS[self.kind][1]):
            return False
        if self.kind is list:
            return all(isinstance(item, str) for item in value)
        # A bool is an Integral, too.
        return isinstance(value, bool) is (self.kind is bool)

    def _is_within(self, value: Any) -> bool:
        if self.kind not in (int, float):
            return True
        return (
            math.isfinite(value)
            and (self.least is None or value >= self.least)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def _refuse(self, value):
        wanted, _ = _KINDS[self.kind]
        limits = (
            ("of at least", self.least),
            ("greater than", self.above),
            ("less than", self.below),
        )
        bounds = [f"{words} {n}" for words, n in limits if n is not None]
        wanted = " ".join([wanted, " and ".join(bounds)]).strip()
        raise UserError(
            f"`{self.name}` must be {wanted}. Received: {self.name}={value!r}"
        )
