"""Reading models: networks from what other libraries have trained."""
