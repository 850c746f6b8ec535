"""rtrave: a real-time streaming engine for RAVE models."""
