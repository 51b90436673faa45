"""The embedded data set: six short sequences rendered from free photographs, with exact ground truth and tags.

``scenes`` says what happens in each sequence, ``rendering`` takes its pictures, ``geometry`` and ``attributes`` say
where the target truly is and what makes a frame difficult, ``dataset`` writes the VOT layout.
"""
