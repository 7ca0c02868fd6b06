"""Tables and pages of our rows beside the paper's numbers."""
