"""The data set's card: counts beside the paper's, selection against the truth, figures, and metadata for a hub."""
