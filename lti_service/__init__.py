"""Наставничество: an LTI 1.3 tool that runs a college's mentoring programme inside Moodle."""
