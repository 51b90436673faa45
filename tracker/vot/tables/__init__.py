"""Tables for people, of what the analyses measured."""
