"""The routes of OpenAI's API, for its clients and for those of llama.cpp and vLLM."""
