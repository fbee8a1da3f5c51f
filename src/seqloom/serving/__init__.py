"""The server: OpenAI's completions, scores, detection, ratings and a page, over HTTP."""
