"""Experiments within one channel: alternating slots, a stated design, no answer from too small a sample."""
