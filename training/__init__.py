"""Offline training of the box estimator on rendered clips; nothing here runs while tracking."""
