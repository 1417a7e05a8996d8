"""The tests mirror the package; journeys in a real browser stand in tests/journeys."""
