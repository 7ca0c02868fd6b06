"""Methods to compare with, behind the completion contract: floors and ceilings."""
