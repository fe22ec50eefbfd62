"""Models as they are served: opened from artefacts, mapped into memory, scored with numpy alone. Never trains."""
