"""OpenAI's Images API over our jobs: the SDK works with a changed base URL.

request   their words become ours, or are refused by name
reply     jobs become their pictures, or the error the SDK should raise
events    the same, while it happens
doors     POST /v1/images/generations and /edits
"""

from functions.api.openai.doors import routes

__all__ = ["routes"]
