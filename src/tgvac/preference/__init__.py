"""What votes say: shares with intervals, strengths of methods, agreement, position bias, and who is left out."""
