"""What inference alone needs: windows, guidance, samplers; no training depends on it."""
