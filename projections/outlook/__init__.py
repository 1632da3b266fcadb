"""Forecasts that can be checked: what will be won in a period, how sure that is, and how right it was before."""
