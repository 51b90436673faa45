"""The method of Pu et al.: what is learned, where the target is searched, and the numbers that decide it."""
