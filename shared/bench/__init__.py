"""Measuring a stack from outside: load, statistics, reports, and the evidence for working this way.

Hides nothing by itself. What talks to the stack is given from outside; only `model_server` knows AWS.
"""
