"""What every room stands on: boxes, images, results, files, errors. Imports nothing else of this package."""
