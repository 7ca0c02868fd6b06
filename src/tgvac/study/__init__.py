"""The user study: ``tgvac study build``, ``serve``, ``report`` (docs/user-study.md)."""
