"""Tests of the Moodle client."""
