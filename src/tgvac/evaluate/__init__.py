"""Scoring outputs that were made elsewhere: ``tgvac evaluate``."""
