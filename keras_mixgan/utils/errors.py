"""Errors that the user can repair, as opposed to faults of this package.

The command line answers them with one line; all others keep their traceback.
"""


class UserError(ValueError):
    """What the user gave is not as described."""


class MissingPackageError(ImportError, UserError):
    """A package that the user can install is missing; the message says how."""


class NonFiniteError(FloatingPointError):
    """A loss became NaN or infinite; the message names step and component."""
