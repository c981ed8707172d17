"""The programme: its years, forms of mentoring and indicators, loaded from a preset."""
