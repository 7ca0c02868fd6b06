"""Tables and pages from rows and from what the paper states."""
