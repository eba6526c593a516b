"""The serving container: image models behind SageMaker's /ping and /invocations.

It ships alone: nothing here imports the rest of the project, and the folder runs wherever it is copied.
"""
