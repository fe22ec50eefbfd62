"""What a person may ask for: exports, and the officers' desk."""
