"""Telling a URL what happened: where we may go, how we sign, how we post, and when we try again.

Each module hides one of these decisions; what is told to whom is the pipeline's: see shared.pipeline.notifications.
"""
