"""What networks cost, from their shapes alone: real classes on torch's ``meta`` device, without a weight."""
