"""The demo's past: a seeded generator calibrated to measured quantiles."""
