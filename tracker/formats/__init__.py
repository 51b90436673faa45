"""Files that others write and read: ground truth, sequences, registries, MATLAB. Values in and out, no tracker."""
