"""The one exception for input that a user can mend."""


class BadInput(ValueError):
    """Something the user gave is wrong; the message is one sentence saying what, where, and what to do.

    The command line prints the message without a traceback and exits with code 2.
    """
