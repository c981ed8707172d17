"""The LTI 1.3 protocol: launch, key set, roster, gradebook; no mentoring word, no page."""
