"""Runs: plan, state, execution, publishing, schedules and the lab."""
