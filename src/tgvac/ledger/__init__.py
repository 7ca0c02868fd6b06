"""The ledger: each published cell beside a run's number, and where that number comes from."""
