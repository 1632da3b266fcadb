"""Forecasts, what they are made of, and how right they were."""
