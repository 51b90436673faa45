"""Files in the layout of VGG-M's, with numbers of our own."""

import numpy as np
import scipy.io

SHAPES = ((96, 3, 7), (256, 96, 5), (512, 256, 3))


def kernels():
    rng = np.random.default_rng(0)
    return [
        (rng.standard_normal((k, k, c, o), np.float32), rng.standard_normal((o, 1), np.float32)) for o, c, k in SHAPES
    ]


def write_mat(path, tensors):
    """A MatConvNet SimpleNN file: a 1 x L cell of 1 x 1 structs; conv layers hold a 1 x 2 cell of HWIO kernel, bias."""
    layers = np.empty((1, 9), object)
    for i in range(9):
        if i % 4 == 0:
            pair = np.empty((1, 2), object)
            pair[0, 0], pair[0, 1] = tensors[i // 4]
            layers[0, i] = {"weights": pair, "name": f"conv{i // 4 + 1}", "type": "conv", "stride": [2, 2]}
        else:
            layers[0, i] = {"name": f"other{i}", "type": ("relu", "normalize", "pool")[i % 4 - 1]}
    scipy.io.savemat(path, {"layers": layers, "meta": {"classes": "none"}})
    return path
