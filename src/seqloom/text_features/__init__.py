"""Features and small models of whole texts, shared by critics and detectors."""
